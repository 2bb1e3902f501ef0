/* fault.c - which of the planted bugs happens when: every N-th chance of its kind, counted over all threads. */
#include "fault.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const fault_names[FAULTS] = { "unref", "connection", "worker" };

bool fault_add(struct faults *f, const char *text)
{
    for (int i = 0; i < FAULTS; i++) {
        size_t n = strlen(fault_names[i]);
        char *end;
        unsigned long every;
        if (strncmp(text, fault_names[i], n))
            continue;
        if (i == FAULT_WORKER && !text[n]) {
            f->every[i] = 1;
            return true;
        }
        every = text[n] == ':' && text[n + 1] >= '1' && text[n + 1] <= '9' ? strtoul(text + n + 1, &end, 10) : 0;
        if (i == FAULT_WORKER || !every || *end || every > UINT32_MAX)
            return false;
        f->every[i] = (unsigned)every;
        return true;
    }
    return false;
}

bool fault_any(const struct faults *f)
{
    bool any = false;
    for (int i = 0; i < FAULTS; i++)
        any |= f->every[i] != 0;
    return any;
}

bool fault_strikes(struct faults *f, enum fault which)
{
    if (!f->every[which] || (atomic_fetch_add_explicit(&f->chances[which], 1, memory_order_relaxed) + 1) % f->every[which])
        return false;
    atomic_fetch_add_explicit(&f->planted[which], 1, memory_order_relaxed);
    return true;
}

const char *fault_text(const struct faults *f, char *text, unsigned size)
{
    int n = 0;
    for (int i = 0; i < FAULTS; i++)
        n += snprintf(text + n, size - (unsigned)n, "%s\"%s\":%" PRIuFAST64, i ? "," : "{", fault_names[i],
                      atomic_load_explicit(&f->planted[i], memory_order_relaxed));
    snprintf(text + n, size - (unsigned)n, "}");
    return text;
}
