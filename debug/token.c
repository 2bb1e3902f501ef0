/* debug/token.c - a thread's tokens: found by address in a table of its own, registered at the first use.
 *
 *     key -> token      the return address, the weir_site's address, or a stack's digest (its highest bit is set: no address has that)
 *
 * Purpose    a reference finds the number that stands for (this thread, this place), and what a tracker adds for it, in a few instructions.
 * Invariant  a token in a thread's table is READY in the segment and its holder is the thread's: holder_collect takes none of a thread that is there.
 *            A token's value is of its number and its salt, and the salt goes up with each use: no two users ever have the same value.
 *
 * Tokens are taken in a circle, so that what was given back longest ago is used again last. Where no token is left, the holder's own stands in: its
 * balance is right then, and only the place is lost. Where there is no holder, it is token 0, of value 0.
 *
 *               of_address  of_site  count          each by its own thread, so nothing here is shared but the segment's tables
 *     others       yes        yes     yes
 *
 * progress   a hit: wait-free. A miss takes w->lock, and the loader's before it; it may map memory
 *
 * What can go wrong: a library that is unloaded leaves its addresses behind; one that comes to the same place then is called by the old names.
 */
#include <string.h>
#include "site.h"
#include "sketch.h"
#include "token_private.h"

/* -- the table of a record ------------------------------------------------------------------------------------------------------------- */

static uint32_t token__place(const struct record *r, uint64_t key)
{
    return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> r->shift);
}

static inline struct record *token__record(struct watched_thread *t)
{
    return (struct record *)(void *)t;
}

static const struct thread_token *token__find(const struct record *r, uint64_t key)
{
    uint32_t i = token__place(r, key);
    while (r->keys[i] != key) {
        if (r->keys[i] == 0)
            return NULL;
        i = (i + 1) & r->mask;
    }
    return &r->tokens[i];
}

static const struct thread_token *token__insert(struct record *r, uint64_t key, const struct thread_token *token)
{
    uint32_t i = token__place(r, key);
    while (r->keys[i])
        i = (i + 1) & r->mask;
    r->tokens[i] = *token;
    r->keys[i] = key;
    r->used++;
    return &r->tokens[i];
}

/* Twice as many places. Without memory the table stays as it is, while a place is free. */
static bool token__grow(struct record *r)
{
    struct record old = *r;
    size_t places = 2 * ((size_t)old.mask + 1);
    size_t bytes = places * (sizeof *r->keys + sizeof *r->tokens);
    void *pages = os_pages(bytes);
    if (pages == NULL)
        return old.used < old.mask;
    r->keys = pages;
    r->tokens = (void *)(r->keys + places);
    r->mask = (uint32_t)places - 1;
    r->shift = old.shift - 1;
    r->bytes = bytes;
    r->used = 0;
    for (uint32_t i = 0; i <= old.mask; i++) {
        if (old.keys[i])
            (void)token__insert(r, old.keys[i], &old.tokens[i]);
    }
    if (old.bytes)
        os_pages_free(old.keys, old.bytes);
    return true;
}

/* -- tokens of the segment ------------------------------------------------------------------------------------------------------------- */

static uint64_t token__who(const struct debug_holder *h)
{
    return (uint64_t)h->process.pid << 32 | (uint32_t)h->tid;
}

static void token__value(const struct record *r, struct thread_token *out)
{
    const struct watch *w = r->t.watch;
    uint64_t value = token_value(w->head->seed, out->index, load_relaxed_32(&w->tokens[out->index].salt));
    sketch_powers(value, r->powers, out->power);
}

/* Under w->lock. */
static uint32_t token__claim(struct watch *w)
{
    struct locals *l = w->locals;
    uint32_t i = table_claim(w->tokens, sizeof *w->tokens, w->head->tokens, &l->token_next);
    if (i == 0 && holder_collect(w, true))
        i = table_claim(w->tokens, sizeof *w->tokens, w->head->tokens, &l->token_next);
    return i;
}

/* Of the record's holder and a site. Where there is none left, it is the holder's own by another site. Under w->lock. */
static void token__register(struct record *r, uint32_t site, struct thread_token *out)
{
    struct watch *w = r->t.watch;
    uint32_t i = r->t.index ? token__claim(w) : 0;
    *out = r->alone;
    out->site = site;
    if (i == 0) {
        (void)add_64(&w->head->numbers.unnamed, 1);             /* token.N1 -> token.N1: the number alone */
        return;
    }
    struct debug_token filled = { .salt = load_relaxed_32(&w->tokens[i].salt) + 1, .holder = r->t.index, .site = site };
    table_fill(&w->tokens[i], &filled, sizeof filled);
    out->index = i;
    out->holder = r->t.index;
    out->who = token__who(r->t.holder);
    token__value(r, out);
}

/* -- records ----------------------------------------------------------------------------------------------------------------------------- */

static unsigned token__powers(const struct watch *w)
{
    return w->tracker && w->tracker->powers ? 2 * w->head->parameter - 1 : 1;
}

/* Under w->lock, since it registers the holder's own token. */
void record_begin(struct record *r, struct watch *w, uint32_t holder)
{
    r->t.watch = w;
    r->t.holder = &w->holders[holder];
    r->t.index = holder;
    r->stacks = w->head->flags & DEBUG_STACKS ? w->spec.stacks : 0;
    r->powers = token__powers(w);
    r->shared = w->head->flags & DEBUG_SHARED;
    r->mask = RECORD_TOKENS - 1;
    r->shift = 64 - 4;
    r->keys = r->first_keys;
    r->tokens = r->first_tokens;
    if (holder)
        token__register(r, 0, &r->alone);
}
_Static_assert(RECORD_TOKENS == 1 << 4, "record_begin's shift");

void record_identify(struct record *r)
{
    uint64_t who = token__who(r->t.holder);
    r->alone.who = who;
    for (uint32_t i = 0; i <= r->mask; i++)
        r->tokens[i].who = who;
}

void record_end(struct record *r)
{
    if (r->bytes)
        os_pages_free(r->keys, r->bytes);
    os_pages_free(r, sizeof *r);
}

/* -- lookups ----------------------------------------------------------------------------------------------------------------------------- */

static const struct thread_token *token__keep(struct record *r, uint64_t key, uint32_t site)
{
    struct thread_token token;
    os_lock(&r->t.watch->lock);
    token__register(r, site, &token);
    os_unlock(&r->t.watch->lock);
    token.key = (const void *)(uintptr_t)key;
    if (4 * (r->used + 1) <= 3 * (r->mask + 1) || token__grow(r))
        return token__insert(r, key, &token);
    r->last = token;
    return &r->last;
}

static const struct thread_token *token__of_stack(struct record *r, const void *from)
{
    const void *frames[DEBUG_STACK];
    unsigned n = os_stack(frames, r->stacks < DEBUG_STACK ? r->stacks : DEBUG_STACK, from);
    if (n == 0)
        return NULL;
    uint64_t key = n;
    for (unsigned i = 0; i < n; i++)
        key = (key ^ (uint64_t)(uintptr_t)frames[i]) * UINT64_C(0x100000001b3) ^ key >> 29;
    key |= UINT64_C(1) << 63;
    const struct thread_token *found = token__find(r, key);
    return found ? found : token__keep(r, key, site_of_stack(r->t.watch, frames, n));
}

const struct thread_token *token_of_address(struct watched_thread *t, const void *site)
{
    struct record *r = token__record(t);
    const struct thread_token *found = NULL;
    if (t->index == 0)
        return &r->alone;
    if (r->stacks)
        found = token__of_stack(r, site);
    if (found || site == NULL)
        return found ? found : &r->alone;
    found = token__find(r, (uintptr_t)site);
    return found ? found : token__keep(r, (uintptr_t)site, site_of_address(t->watch, site));
}

const struct thread_token *token_of_site(struct watched_thread *t, const struct weir_site *site)
{
    struct record *r = token__record(t);
    if (site == NULL || t->index == 0)
        return &r->alone;
    const struct thread_token *found = token__find(r, (uintptr_t)site);
    return found ? found : token__keep(r, (uintptr_t)site, site_of_source(t->watch, site));
}

/* -- balances -------------------------------------------------------------------------------------------------------------------------- */

/* relaxed own: its thread alone writes it, and a reader wants the number alone. */
void token_count(struct watched_thread *t, uint32_t token, int sign)
{
    struct watch *w = t->watch;
    if (w == NULL || token >= w->head->tokens)
        return;
    struct debug_token *entry = &w->tokens[token];
    if (token == 0 && sign > 0)
        (void)add_64(&w->head->numbers.unnamed, 1);             /* token.N1: the number alone */
    else if (token == 0)
        return;
    else if (t->index && load_relaxed_32(&entry->holder) == t->index)       /* relaxed holder: while the token is held it doesn't change */
        store_relaxed_64((uint64_t *)&entry->own, load_relaxed_64((uint64_t *)&entry->own) + (uint64_t)(int64_t)sign);
    else
        (void)add_64((uint64_t *)&entry->others, (uint64_t)(int64_t)sign);  /* token.B1 -> token.B2: that it was taken before */
}

/* What others gave back comes first: what they give back later is not seen, and the takes of what they had given back are. The other way round both a take that comes
 * between the two reads and its drop by another would count as a drop alone. */
int64_t token_balance(const struct debug_token *token)
{
    uint64_t others = load_acquire_64((const uint64_t *)&token->others);    /* token.B2 <- token.B1 */
    WEIR_POINT("token.balance");
    return (int64_t)(load_relaxed_64((const uint64_t *)&token->own) + others);
}
