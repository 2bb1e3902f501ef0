/* symbols_place.h - from an address in a module that libdwfl knows to the user's line. The theory is in symbols_place.c. */
#ifndef WEIR_INSPECT_SYMBOLS_PLACE_H
#define WEIR_INSPECT_SYMBOLS_PLACE_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include "../report.h"

/* address: any byte of the call instruction. false: no line is known for it. */
bool symbols_place(Dwfl_Module *module, Dwarf_Addr address, struct report_symbol *out);

#endif
