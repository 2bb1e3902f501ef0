/* trackers.c - all trackers, by their number in a segment's header. */
#include "tracker.h"

const struct tracker *const trackers[TRACKERS] = {
    [TRACKER_XOR] = &tracker_xor,
    [TRACKER_SUM] = &tracker_sum,
    [TRACKER_SKETCH] = &tracker_sketch,
    [TRACKER_SLOTS] = &tracker_slots,
    [TRACKER_RELEASERS] = &tracker_releasers,
    [TRACKER_JOURNAL] = &tracker_journal
};
