/* debug/leaks.c - weir_leaks and weir_domain_leaks: the reader over the process's own segment, for a program's own eyes.
 *
 * What is a leak is said as in reports (report.c), but for suppressions, which are for reports alone.
 *
 * threads   any, beside all writers; the pool must stay open. progress: O(capacity), memory from os_pages, no lock
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../src/panic.h"
#include "../src/pool_private.h"
#include "../src/ref_private.h"
#include "guard.h"
#include "report_private.h"
#include "watch.h"

struct leaks {
    struct reader r;
    struct report_scope scope;
    int64_t min_age;
    weir_leak_fn fn;
    void *arg;
    int n;
    char pool[DEBUG_NAME];
    struct weir_leak_holder holder[VERDICT_HOLDERS];
    struct report_place place[VERDICT_HOLDERS];
    struct report_name name[VERDICT_HOLDERS];
};

static bool leaks__is_one(struct leaks *l, const struct reader_object *o)
{
    bool dead = report_is_of_the_dead(&l->r, o);
    return o->stable ? dead || o->age >= l->min_age : dead;
}

static void leaks__holder(struct leaks *l, const struct reader_object *o, unsigned i)
{
    struct reader_holder h = reader_named(&l->r, &o->verdict, i);
    struct report_name *name = &l->name[i];
    struct report_place *place = &l->place[i];
    uint32_t sites[2] = { 0, 0 };
    (void)report_taken_at(&l->scope, o, &h, sites);
    report_holder(&l->scope, h.holder, name);
    (void)report_site(&l->scope, sites[0], place);
    l->holder[i] = (struct weir_leak_holder){ name->name, name->pid, name->tid, name->state, h.refs, place->file, place->line, place->function };
}

static int leaks__object(const struct reader_object *o, void *arg)
{
    struct leaks *l = arg;
    struct weir_leak leak;
    if (!leaks__is_one(l, o))
        return 0;
    l->n++;
    if (!l->fn)
        return 0;
    for (unsigned i = 0; i < o->verdict.n; i++)
        leaks__holder(l, o, i);
    leak = (struct weir_leak){ l->pool, o->handle, (const void *)(uintptr_t)o->address, o->refs, o->verdict.certainty, o->age, o->verdict.n, l->holder };
    return l->fn(&leak, l->arg);
}

static int leaks__watch(struct track *t, int64_t min_age, weir_leak_fn fn, void *arg)
{
    struct watch *w = watch_of(t);
    struct leaks *l;
    int n;
    if (!t || t == &guard_tools)
        return 0;
    l = os_pages(sizeof *l);
    if (!l)
        return error_set(-ENOMEM, "no memory to look for leaks: %zu bytes", sizeof *l);
    n = reader_open(&l->r, w->segment.base, w->segment.bytes);
    if (!n) {
        l->scope.r = &l->r;
        l->min_age = min_age;
        l->fn = fn;
        l->arg = arg;
        memcpy(l->pool, l->r.head.name, sizeof l->pool);
        (void)reader_each(&l->r, leaks__object, l);
        n = l->n;
        reader_close(&l->r);
    }
    os_pages_free(l, sizeof *l);
    return n;
}

int weir_leaks(struct weir_pool *pool, int64_t min_age_ns, weir_leak_fn fn, void *arg)
{
    if (!pool)
        return error_set(-EINVAL, "weir_leaks: pool is NULL");
    return leaks__watch(pool->track, min_age_ns, fn, arg);
}

int weir_domain_leaks(struct weir_domain *domain, int64_t min_age_ns, weir_leak_fn fn, void *arg)
{
    if (!domain)
        return error_set(-EINVAL, "weir_domain_leaks: domain is NULL");
    return leaks__watch(domain_track(domain), min_age_ns, fn, arg);
}
