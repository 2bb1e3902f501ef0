/* debug/numbers.c - the pool's statistics, where a reader finds them: copied now and then, by whoever begins or ends a life that is followed.
 *
 * seq is odd while somebody writes, and who finds it odd leaves it to that one; so a writer that is killed leaves it odd, and readers say that the numbers are
 * as old as they are. What a private pool has in its caches is nowhere else to be seen from outside.
 *
 *     may run at once     with all. progress: wait-free; looks at every cache once in 10 ms at most
 */
#include <weir/stats.h>
#include "../src/atomic.h"
#include "watch_private.h"

void numbers_publish_slow(struct watch *w, uint32_t now)
{
    struct debug_numbers *n = &w->head->numbers;
    uint64_t *words = &n->seq, seq = load_relaxed_64(words);    /* verified by the swap */
    struct weir_stats s;
    if (!w->pool || (seq & 1) || !cas_64(words, &seq, seq + 1))     /* numbers.S1 -> reader.A1 */
        return;
    (void)weir_pool_stats(w->pool, &s);
    store_relaxed_64(&n->at, now);                              /* relaxed committed, peak: readers check seq */
    store_relaxed_64(&n->capacity, s.capacity);
    store_relaxed_64(&n->committed, s.committed);
    store_relaxed_64(&n->live, s.live);
    store_relaxed_64(&n->cached, s.cached);
    store_relaxed_64(&n->free, s.free);
    store_relaxed_64(&n->peak, s.peak);
    store_relaxed_64(&n->gets, s.gets);
    store_relaxed_64(&n->puts, s.puts);
    store_release_64(words, seq + 2);                           /* numbers.S1 -> reader.A1: the numbers */
}
