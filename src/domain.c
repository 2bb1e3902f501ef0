/* src/domain.c - a count in any object, and the domains in which such counts are followed.
 *
 *     a weir_ref        word[0]                                              word[1]
 *     not followed      {marks, count}, as an op's refs (ref.c)              the object
 *     followed          {line 26, 0, TRACKED, sentinel that counts along}    the domain: the count and the object are in the tracker's line
 *
 * Purpose    follow the references of anything, with no pool: a connection's count is the one that leaks most.
 * Invariant  word[0] says TRACKED from init to the last put, which stores 0 before the line may serve another object. So whoever reads a line, then
 *            finds the same word[0], and then raises the line by a swap from what it read, has raised this object's count.
 *
 * A followed ref's word is never near 0: only the line decides who is last. What is not followed, in a domain or in none, costs what it did.
 *
 *     may run at once     get, put by holders, get_unless_zero by anybody. init before anybody sees the object. create and close of a domain lock
 *     progress            get, put wait-free when not followed, else as the tracker's; get_unless_zero lock-free
 */
#include "pool_private.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weir/ref.h>

#include "panic.h"
#include "ref_private.h"

enum { DOMAIN_LINE = 38 };      /* the line's place in word[0] */

struct weir_domain {
    struct track *track;        /* NULL: nothing is followed */
    char name[64];
};

/* -- domains ------------------------------------------------------------------------------------------------------------------------ */

int weir_domain_create(struct weir_domain **out, const char *name, uint32_t max_objects, const char *debug)
{
    struct track_shape shape = { .kind = TRACK_DOMAIN, .name = name, .objects = max_objects };
    struct weir_domain *domain;
    int error;
    if (!out || !name)
        return error_set(-EINVAL, "weir_domain_create: %s is NULL", out ? "name" : "out");
    error = registry_check_name(name);
    if (error)
        return error;
    if (max_objects < 1 || max_objects > (uint32_t)1 << 26)
        return error_set(-EINVAL, "max_objects %u is out of range: 1 to %u", max_objects, (uint32_t)1 << 26);
    domain = os_pages(sizeof *domain);
    if (!domain)
        return error_set(-ENOMEM, "no memory for a domain's %zu bytes", sizeof *domain);
    memcpy(domain->name, name, strlen(name) + 1);
    os_lock(&registry_opening);
    thread_start();
    error = track_open(&domain->track, &shape, debug);
    os_unlock(&registry_opening);
    if (error) {
        os_pages_free(domain, sizeof *domain);
        return error;
    }
    *out = domain;
    return 0;
}

int weir_domain_close(struct weir_domain *domain)
{
    uint32_t followed;
    if (!domain)
        return error_set(-EINVAL, "weir_domain_close: domain is NULL");
    followed = domain->track ? track_layer->followed(domain->track) : 0;
    if (followed) {
        track_layer->busy(domain->track);
        return error_set(-EBUSY, "domain \"%s\": %u objects are referenced", domain->name, followed);
    }
    os_lock(&registry_opening);
    if (domain->track)
        track_layer->close(domain->track);
    os_unlock(&registry_opening);
    os_pages_free(domain, sizeof *domain);
    return 0;
}

struct track *domain_track(const struct weir_domain *domain)
{
    return domain->track;
}

/* -- a followed count ------------------------------------------------------------------------------------------------------------------- */

static struct track *domain__track(const struct weir_ref *ref)
{
    return ((struct weir_domain *)(uintptr_t)ref->word[1])->track;
}

static uint32_t domain__line(uint64_t word)
{
    return (uint32_t)(word >> DOMAIN_LINE);
}

bool ref_tracked(const struct weir_ref *ref, struct track **track, uint32_t *line)
{
    uint64_t word = load_relaxed_64(&ref->word[0]);             /* by a holder */
    if (!(word & WEIR_REFS_TRACKED))
        return false;
    *track = domain__track(ref);
    *line = domain__line(word);
    return true;
}

static _Noreturn void domain__panic(const struct weir_ref *ref, const void *site, const char *next, const char *what)
{
    const void *object = (const void *)(uintptr_t)ref->word[1];
    struct track *track = NULL;
    uint32_t line = TRACK_NONE;
    char text[256];
    if (ref_tracked(ref, &track, &line))
        object = track_layer->address(track, line);
    (void)snprintf(text, sizeof text, "the reference count %p of object %p %s", (const void *)ref, object, what);
    misuse_panic(track, line, site, next, text);
}

static _Noreturn void domain__gone(const struct weir_ref *ref, const void *site)
{
    domain__panic(ref, site, "each put needs its own init or get", "is 0, and a reference was given back: put after the last put");
}

static _Noreturn void domain__full(const struct weir_ref *ref, const void *site)
{
    domain__panic(ref, site, "look for a get in a loop, each needs its put", "has more than 2^30 references; the object is never destroyed");
}

/* The last reference is gone: the ref lets go of the line, and then the line is free. */
void ref_end(struct weir_ref *ref, struct track *track, uint32_t line, const void *site)
{
    ref->word[1] = (uint64_t)(uintptr_t)track_layer->address(track, line);
    store_release_64(&ref->word[0], 0);                         /* domain.E1 -> domain.E2: before the line may serve another */
    track_layer->end(track, line, site);
}

static bool domain__put_tracked(struct weir_ref *ref, uint64_t old, const void *site)
{
    struct track *track = domain__track(ref);
    uint32_t line = domain__line(old);
    switch (track_layer->unref(track, line, site)) {
    case TRACK_LEFT:
        return false;
    case TRACK_LAST_ONE:
        ref_end(ref, track, line, site);
        return true;
    default:
        domain__gone(ref, site);
    }
}

/* -- a count in any object ---------------------------------------------------------------------------------------------------------------- */

void weir_ref_init(struct weir_ref *ref, struct weir_domain *domain, const void *object)
{
    uint32_t line = TRACK_NONE;
    if (WEIR_UNLIKELY(domain && domain->track))
        line = track_layer->object(domain->track, object, __builtin_return_address(0));
    if (line == TRACK_NONE) {
        ref->word[1] = (uint64_t)(uintptr_t)object;
        store_relaxed_64(&ref->word[0], 1);                     /* nobody else sees it yet */
    } else {
        ref->word[1] = (uint64_t)(uintptr_t)domain;
        store_relaxed_64(&ref->word[0], (uint64_t)line << DOMAIN_LINE | WEIR_REFS_TRACKED | WEIR_REFS_SENTINEL);    /* the same */
    }
}

/* As weir_op_ref_odd_1. */
void weir_ref_get_odd_1(struct weir_ref *ref, uint64_t old)
{
    bool first;
    if (old & WEIR_REFS_TRACKED) {
        if (track_layer->ref(domain__track(ref), domain__line(old), __builtin_return_address(0)))
            return;
        (void)sub_64(&ref->word[0], 1);                         /* ref.R2: takes back what it did */
        domain__panic(ref, __builtin_return_address(0), "look for a get in a loop, each needs its put", "has 2^30 references, and no more can be counted");
    }
    if (old & WEIR_REFS_SATURATED) {
        (void)sub_64(&ref->word[0], 1);                         /* ref.R2: takes back what it did */
        return;
    }
    if (!(old & WEIR_REFS_COUNT)) {
        ref_undo(&ref->word[0], old + 1, old);
        domain__panic(ref, __builtin_return_address(0),
                      "take the reference before the object is handed on; who may come too late uses weir_ref_get_unless_zero",
                      "is 0, and a reference was taken: get after the last put");
    }
    first = ref_saturate(&ref->word[0]);
    (void)sub_64(&ref->word[0], 1);                             /* ref.R2: takes back what it did */
    if (first)
        domain__full(ref, __builtin_return_address(0));
}

/* As weir_op_unref_odd_1, but the last one is no longer odd. */
bool weir_ref_put_odd_1(struct weir_ref *ref, uint64_t old)
{
    if (old & WEIR_REFS_TRACKED)
        return domain__put_tracked(ref, old, __builtin_return_address(0));
    if (old & WEIR_REFS_SATURATED) {
        (void)add_64(&ref->word[0], 1);                         /* ref.R2: takes back what it did */
        return false;
    }
    if (old & WEIR_REFS_COUNT)
        return false;                                           /* a get that has not found the count full yet */
    ref_undo(&ref->word[0], old - 1, old);
    domain__gone(ref, __builtin_return_address(0));
}

bool weir_ref_get_unless_zero(struct weir_ref *ref)
{
    enum ref_raise raise = ref_raise(&ref->word[0], 0);
    while (raise == REF_TRACKED) {
        uint64_t word = load_acquire_64(&ref->word[0]);         /* domain.E2 */
        if (!(word & WEIR_REFS_TRACKED))
            return false;                                       /* the last put came between */
        raise = ref_raise_tracked(domain__track(ref), domain__line(word), &ref->word[0], ~WEIR_REFS_COUNT, word & ~WEIR_REFS_COUNT,
                                  __builtin_return_address(0));
    }
    if (raise == REF_FULL && ref_saturate(&ref->word[0]))
        domain__full(ref, __builtin_return_address(0));
    return raise != REF_GONE;
}

uint32_t weir_ref_count(const struct weir_ref *ref)
{
    uint64_t word = load_relaxed_64(&ref->word[0]);             /* a number to print: stale anyway */
    if (word & WEIR_REFS_TRACKED)
        return track_layer->refs(domain__track(ref), domain__line(word));
    return (uint32_t)(word & WEIR_REFS_COUNT);
}
