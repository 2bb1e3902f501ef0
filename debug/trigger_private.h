/* debug/trigger_private.h - what trigger.c, which knows when, and trigger_write.c, which knows what and where to, share. */
#ifndef WEIR_DEBUG_TRIGGER_PRIVATE_H
#define WEIR_DEBUG_TRIGGER_PRIVATE_H

#include "report.h"
#include "trigger.h"
#include "watch.h"

enum trigger_when { WHEN_REFUSED, WHEN_EXIT, WHEN_SIGNAL };

struct trigger {                /* one event */
    enum trigger_when when;
    struct watch *only;         /* WHEN_REFUSED */
    uint32_t signals;           /* WHEN_SIGNAL: a bit each */
    int64_t forked_at;          /* os_now; 0: this process is nobody's fork, or it doesn't matter */
};

/* One report at a time. all: of the list, under watch_lock, each file once. */
void trigger_write_all(const struct trigger *t);
void trigger_write_one(const struct trigger *t, struct watch *w);

/* What the process is to answer because of leaks; 0: nothing in particular. Under watch_lock. */
int trigger_status(const struct trigger *t);

void trigger_complain(const char *about, const char *what, int error);

#endif
