/* report.c - the end: are all ops back? The pools are quiet: their equation is proved, and what is still held is told op by op. */
#include <inttypes.h>
#include <stdio.h>

#include "serve.h"
#include "sink.h"

static void report__held(struct weir_pool *pool, uint64_t capacity)
{
    for (uint64_t i = 0; i < capacity; i++) {
        const struct weir_op *op = weir_op_at(pool, (uint32_t)i);
        if (op && weir_op_refs(op))
            printf("%s: op %" PRIu64 " is held, references: %" PRIu32 "\n", weir_pool_name(pool), i, weir_op_refs(op));
    }
}

/* true: nothing of it is held, and it is closed. */
static bool report__pool(struct weir_pool *pool, struct weir_stats *t)
{
    bool right = weir_pool_check(pool) == 0;
    if (!right)
        printf("%s: %s\n", weir_pool_name(pool), weir_error_message());
    (void)weir_pool_stats(pool, t);
    printf("%s: taken %" PRIu64 ", given %" PRIu64 ", live %" PRIu64 ", cached %" PRIu64 ", free %" PRIu64 " of %" PRIu64
           "; peak %" PRIu64 ", empty %" PRIu64 " times\n", weir_pool_name(pool), t->gets, t->puts, t->live, t->cached, t->free,
           t->capacity, t->peak, t->empties);
    if (t->live)
        report__held(pool, t->capacity);
    if (!right || t->live || t->gets != t->puts)
        return false;
    if (weir_pool_close(pool) == 0)
        return true;
    printf("%s\n", weir_error_message());
    return false;
}

bool report_close(struct server *s)
{
    struct weir_stats data, bare, sink = { 0 };
    char planted[96];
    bool right = report__pool(s->data, &data);
    right = report__pool(s->bare, &bare) && right;
    if (sink_pool(s))
        right = report__pool(sink_pool(s), &sink) && right;
    sink_unlink(s);
    if (weir_domain_close(s->all)) {
        printf("%s\n", weir_error_message());
        right = false;
    }
    printf("requests %" PRIu64 ", errors %" PRIu64 ", connections %" PRIu64 "\n", serve_requests(s), serve_errors(s),
           s->registry.accepted);
    if (s->options.json)
        printf("{\"requests\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"taken\":%" PRIu64 ",\"given\":%" PRIu64 ",\"live\":%" PRIu64 "%s%s}\n",
               serve_requests(s), serve_errors(s), data.gets + bare.gets + sink.gets, data.puts + bare.puts + sink.puts,
               data.live + bare.live + sink.live, fault_any(&s->options.faults) ? ",\"planted\":" : "",
               fault_any(&s->options.faults) ? fault_text(&s->options.faults, planted, sizeof planted) : "");
    fflush(stdout);
    return right;
}
