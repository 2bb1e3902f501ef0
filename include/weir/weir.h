/* weir/weir.h - all of weir but its port: include this one, or the headers one by one. */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include "error.h"
#include "pool.h"
#include "cache.h"
#include "op.h"
#include "ref.h"
#include "rundown.h"
#include "stats.h"
#include "track.h"

#endif
