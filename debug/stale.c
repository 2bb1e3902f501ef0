/* debug/stale.c - segments that dead processes have left, and that nobody needs any more.
 *
 * A process that is killed leaves its segments, so that weir-inspect can say what it held. A server that is restarted would leave one after the other: of each name
 * the newest of the dead stays. Only what says that a dead process made it is removed; what can't be read, or is of a process that can't be seen from
 * here, is left alone.
 *
 *     threads   any, any processes at once: an unlink that comes too late fails, and harms nothing
 */
#include <stdio.h>
#include <string.h>
#include "../src/atomic.h"
#include "watch_private.h"

struct stale {
    const char *prefix;         /* "debug.<name>." */
    const char *name;
    char newest[DEBUG_NAME + 32];
    int64_t made;               /* when the newest was, by the calendar */
};

/* Is the segment a private pool's that a dead process made? *made: when. */
static bool stale__dead(const char *segment, const char *name, bool shared, int64_t *made)
{
    struct os_segment s;
    struct reader r;
    bool dead = false;
    if (os_segment_open(&s, segment, 0, false))
        return false;
    if (!reader_open(&r, s.base, s.bytes)) {
        struct os_process owner = { r.head.owner.boot, r.head.owner.space, r.head.owner.pid, r.head.owner.start };
        dead = (!name || strcmp(r.head.name, name) == 0) && !(r.head.flags & DEBUG_SHARED) == !shared && os_process_life(&owner) == OS_DEAD;
        *made = r.head.created_real;
        reader_close(&r);
    }
    os_segment_close(&s);
    return dead;
}

static int stale__look(const char *segment, void *arg)
{
    struct stale *s = arg;
    int64_t made = 0;
    if (strncmp(segment, s->prefix, strlen(s->prefix)) != 0 || strlen(segment) >= sizeof s->newest || !stale__dead(segment, s->name, false, &made))
        return 0;
    if (*s->newest)
        (void)os_segment_unlink(made > s->made ? s->newest : segment);
    if (!*s->newest || made > s->made) {
        snprintf(s->newest, sizeof s->newest, "%s", segment);
        s->made = made;
    }
    return 0;
}

void stale_remove(const char *name)
{
    char prefix[DEBUG_NAME + 16];
    struct stale s = { prefix, name, "", 0 };
    snprintf(prefix, sizeof prefix, "debug.%s.", name);
    (void)os_segment_each(stale__look, &s);
}

void stale_remove_exact(const char *segment, bool shared)
{
    int64_t made;
    if (stale__dead(segment, NULL, shared, &made))
        (void)os_segment_unlink(segment);
}
