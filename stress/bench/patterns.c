/* patterns.c - the patterns: what is done, by how many threads, with objects of which size. Append one.
 *
 * The touches of a pattern are the same for each peer: a store to an object's first line (weir and the floor: the header's), where a case says so to
 * the first line of its buffer instead.
 */
#include "bench.h"

#define ONE 1, 4096
#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define CASES(array) .cases = array, .cases_n = COUNT(array)

static const struct bench_case pair[] = { { "", ONE, .work = BENCH_PAIR } };
static const struct bench_case burst[] = { { "", ONE, .work = BENCH_BURST_OF } };
static const struct bench_case handoff[] = { { "", 2, 4096, .work = BENCH_HANDOFF } };

#define CROWD(n) { #n " threads", n, 4096, .work = BENCH_CROWD, .x = n }
static const struct bench_case crowd[] = { CROWD(1), CROWD(2), CROWD(4), CROWD(8), CROWD(16), CROWD(32), CROWD(64) };

#define TAIL(n) { #n " threads", n, 4096, .work = BENCH_TAIL, .x = n }
static const struct bench_case tail[] = { TAIL(2), TAIL(32), TAIL(64) };

#define BULK(k) { #k " at a time", ONE, { k }, .work = BENCH_BULK, .x = k }
static const struct bench_case bulk[] = { BULK(1), BULK(8), BULK(32) };

#define THREADS(k) { #k " threads", k, 4096, .work = BENCH_BURST_OF, .x = k }
static const struct bench_case threads[] = { THREADS(1), THREADS(2), THREADS(4), THREADS(8), THREADS(16), THREADS(32), THREADS(64) };

#define SIZE(bytes) { #bytes " bytes", 1, bytes, .work = BENCH_BURST_OF, .buffer = true, .x = bytes }
static const struct bench_case sizes[] = { SIZE(64), SIZE(200), SIZE(4096), SIZE(65536) };

static const struct bench_case fill[] = { { "64 threads", 64, 4096, .work = BENCH_FILL, .x = 64 } };
static const struct bench_case null_path[] = { { "", ONE, .work = BENCH_NULL } };
static const struct bench_case wait[] = { { "2 threads", 2, 4096, .work = BENCH_WAIT, .x = 2 }, { "8 threads", 8, 4096, .work = BENCH_WAIT, .x = 8 } };
static const struct bench_case churn[] = { { "", ONE, .work = BENCH_CHURN } };
static const struct bench_case linkage[] = { { "pair", ONE, .work = BENCH_PAIR, .x = 1 }, { "burst", ONE, .work = BENCH_BURST_OF, .x = 2 } };

static const struct bench_case refs[] = { { "ref + unref alone", ONE, .work = BENCH_REF, .x = 1 },
                                          { "ref + unref, 2 threads on one op", 2, 4096, .work = BENCH_REF, .x = 2 },
                                          { "get + last unref (0-1-0)", ONE, .work = BENCH_LAST, .x = 3 } };
static const struct bench_case rundown[] = { { "1 thread", ONE, .work = BENCH_REF, .x = 1 }, { "2 threads", 2, 4096, .work = BENCH_REF, .x = 2 },
                                             { "4 threads", 4, 4096, .work = BENCH_REF, .x = 4 }, { "a life", ONE, .work = BENCH_LIFE, .x = 8 } };

#define KEEP(cores, keep, get, put) { #cores " cores, get " #get ", put " #put ", keep " #keep, cores, 4096, { get, put, keep }, .work = BENCH_KEEP_N }
#define KEEP_PUT(cores, keep, get) KEEP(cores, keep, get, 1), KEEP(cores, keep, get, 4), KEEP(cores, keep, get, 32)
#define KEEP_GET(cores, keep) KEEP_PUT(cores, keep, 1), KEEP_PUT(cores, keep, 4), KEEP_PUT(cores, keep, 32)
static const struct bench_case dpdk[] = { KEEP_GET(1, 32), KEEP_GET(1, 128), KEEP_GET(2, 32), KEEP_GET(2, 128) };

const struct pattern bench_patterns[] = {
    { "pair", "get, touch, put; one thread", BENCH_NS, GROUP_POOL, 31, 0.03, CASES(pair) },
    { "burst", "64 gets, each touched, then 64 puts; one thread", BENCH_NS, GROUP_POOL, 31, 0.03, CASES(burst) },
    { "handoff", "one thread gets, touches and passes on through a ring; another, on another core, touches and puts", BENCH_NS, GROUP_POOL,
      31, 0.06, CASES(handoff) },
    { "crowd", "each thread gets, touches, and swaps into one of 1,024 slots that all share; what was there it touches and puts", BENCH_RATE,
      GROUP_POOL, 9, 0.08, CASES(crowd) },
    { "tail", "the crowd, and how long each single get takes", BENCH_PARTS, GROUP_POOL, 15, 0.15, CASES(tail) },
    { "bulk", "get n, touch each, put n; one thread (a peer without bulk calls: one at a time)", BENCH_NS, GROUP_POOL, 9, 0.02, CASES(bulk) },
    { "threads", "each thread 64 gets, each touched, then 64 puts", BENCH_RATE, GROUP_POOL, 5, 0.08, CASES(threads) },
    { "sizes", "64 gets, then 64 puts, of objects of that size; touched: the buffer's first line", BENCH_NS, GROUP_POOL, 5, 0.02, CASES(sizes) },
    { "fill", "all other threads have loaded their caches and sleep; one thread takes all that it can get", BENCH_SHARE, GROUP_BOUND, 5, 0.02,
      CASES(fill) },
    { "null", "get when nothing is left; one thread holds all", BENCH_NS, GROUP_EMPTY, 9, 0.02, CASES(null_path) },
    { "wait", "threads wait in turns for the only object there is; from its put to the return of the get that waited", BENCH_WAKE, GROUP_WAIT,
      5, 0.4, .capacity = 1, CASES(wait) },
    { "churn", "a thread is made, takes 64, puts 64 and ends", BENCH_LIVES, GROUP_CHURN, 5, 0.1, CASES(churn) },
    { "linkage", "pair and burst from an executable, through the shared library, from a plugin; by look-up and with the cache at hand", BENCH_NS,
      GROUP_LINKED, 15, 0.03, CASES(linkage) },
    { "refs", "references of one op", BENCH_NS, GROUP_REFS, 9, 0.02, CASES(refs) },
    { "rundown", "acquire and release, nothing in between; a life: create, acquire, close, release, the end", BENCH_NS, GROUP_RUNDOWN, 9, 0.04,
      CASES(rundown) },
    { "dpdk", "DPDK's mempool_perf_autotest: get `keep` objects so many at a time, put them so many at a time; nothing is touched", BENCH_NS,
      GROUP_DPDK, 3, 0.02, CASES(dpdk) },
};
const unsigned bench_patterns_n = COUNT(bench_patterns);

static const struct value_name names_ns[] = { { "ns", "ns for one", true } };
static const struct value_name names_rate[] = { { "rate", "million a second", false } };
static const struct value_name names_parts[] = { { "p99.99", "ns of a get, no more in 99.99%, 50%, 99%, 99.9%", true }, { "p50", "", true },
                                                 { "p99", "", true }, { "p99.9", "", true } };
static const struct value_name names_wake[] = { { "p50", "us of a wake-up, no more in 50%, 99.9%", true }, { "p99.9", "", true } };
static const struct value_name names_share[] = { { "ns", "ns for one, and the % of all objects that were got", true }, { "reached", "", false } };
static const struct value_name names_lives[] = { { "us", "us for one thread", true } };

unsigned unit_values(enum bench_unit unit, const struct value_name **names)
{
    static const struct {
        const struct value_name *names;
        unsigned n;
    } all[BENCH_UNITS] = {
        [BENCH_NS] = { names_ns, COUNT(names_ns) },          [BENCH_RATE] = { names_rate, COUNT(names_rate) },
        [BENCH_PARTS] = { names_parts, COUNT(names_parts) }, [BENCH_WAKE] = { names_wake, COUNT(names_wake) },
        [BENCH_SHARE] = { names_share, COUNT(names_share) }, [BENCH_LIVES] = { names_lives, COUNT(names_lives) },
    };
    *names = all[unit].names;
    return all[unit].n;
}

int best_of(unsigned pattern, unsigned c, enum kind kind, unsigned value)
{
    const struct value_name *names;
    int best = -1;
    double at = 0;
    unit_values(bench_patterns[pattern].unit, &names);
    for (unsigned i = 0; i < bench_peers_n; i++) {
        const struct result *r = &bench.result[pattern][c][i];
        double median = summary_of(r, value).median;
        if (r->rounds == 0 || bench_peers[i].kind != kind)
            continue;
        if (best < 0 || (names[value].less ? median < at : median > at)) {
            best = (int)i;
            at = median;
        }
    }
    return best;
}

unsigned pattern_threads(const struct pattern *pattern)
{
    unsigned most = 1;
    for (unsigned i = 0; i < pattern->cases_n; i++)
        if (pattern->cases[i].threads > most)
            most = pattern->cases[i].threads;
    return most;
}

/* As many as the option says, but no more than 256 MiB of objects of 4 KiB and above. */
unsigned pattern_capacity(const struct pattern *pattern, const struct bench_case *c)
{
    unsigned objects = pattern->capacity ? pattern->capacity : bench.objects, fit = (256u << 20) / c->size;
    return objects < fit ? objects : fit;
}
