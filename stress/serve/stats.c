/* stats.c - the server's numbers as JSON: what it did, its connections, and the statistics of its two pools as weir tells them. */
#include "stats.h"

#include <jansson.h>

#include "serve.h"
#include "system.h"

void stats_begin(void)
{
    json_object_seed(0);
}

static json_t *stats__pool(struct weir_pool *pool)
{
    struct weir_stats t;
    if (weir_pool_stats(pool, &t))
        return NULL;
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "name", weir_pool_name(pool),
                     "capacity", (json_int_t)t.capacity, "committed", (json_int_t)t.committed, "live", (json_int_t)t.live,
                     "cached", (json_int_t)t.cached, "free", (json_int_t)t.free, "peak", (json_int_t)t.peak,
                     "gets", (json_int_t)t.gets, "puts", (json_int_t)t.puts, "refills", (json_int_t)t.refills,
                     "flushes", (json_int_t)t.flushes, "steals", (json_int_t)t.steals, "empties", (json_int_t)t.empties,
                     "waits", (json_int_t)t.waits, "fenced", (json_int_t)t.fenced);
}

size_t stats_text(struct server *s, char *text, size_t size)
{
    unsigned open;
    uint64_t accepted;
    size_t n = 0;
    json_t *all;
    registry_count(&s->registry, &open, &accepted);
    all = json_pack("{s:I, s:I, s:f, s:i, s:s, s:{s:i, s:I, s:i}, s:o, s:o}",
                    "requests", (json_int_t)serve_requests(s), "errors", (json_int_t)serve_errors(s),
                    "uptime_s", (double)(system_now() - s->started) / 1000, "threads", (int)s->options.threads,
                    "backend", weir_port_backend(s->port),
                    "connections", "open", (int)open, "accepted", (json_int_t)accepted, "waiting", (int)turns_waiting(&s->turns),
                    "pool", stats__pool(s->data), "bare_pool", stats__pool(s->bare));
    if (all)
        n = json_dumpb(all, text, size - 1, JSON_COMPACT | JSON_REAL_PRECISION(12));
    json_decref(all);
    if (n == 0 || n > size - 1)
        return 0;
    text[n] = '\n';
    return n + 1;
}
