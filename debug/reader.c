/* debug/reader.c - opens a debug segment and reads its tables: holders, sites, tokens, modules, text. See reader.h.
 *
 * Purpose    weir-inspect and the library's own reports read a segment that others write, that a dead process has left half-written, or that is no
 *            segment at all. Nothing in it is believed: the header is checked once (reader_check.c) in a copy, every index and every offset where it is used.
 * Invariant  no address is formed from a number of the segment that was not compared with its part's size first; no loop is as long as such a number
 *            says without a bound of ours. A number that is out of range is "not known", never an error of the whole.
 * Threads    one thread a reader; any number of readers and writers beside it. What may change is copied, between two looks at the entry's state.
 * Progress   bounded: refresh is O(tokens + holders), and asks the system about holders that are in the midst of an update.
 * Wrong      a file that gets shorter while it is mapped raises SIGBUS: whoever maps a file that others own is ready for it (debug/inspect/fault.c).
 */
#include "../src/panic.h"
#include "holder.h"
#include "reader_private.h"

#include <errno.h>
#include <string.h>

_Static_assert(sizeof(struct debug_header) % 8 == 0 && offsetof(struct debug_header, numbers) % 8 == 0, "copied as words");

/* -- open, refresh, close --------------------------------------------------------------------------------------------------------- */

static size_t reader__size(const struct debug_header *h)
{
    return sizeof(struct reader_tables) + (size_t)h->tokens * (8 + 8 + 4 + 4) + (size_t)h->nodes * 8 + (size_t)h->line_words * 8 * (READER_DEAD + 2) +
           (size_t)h->holders * (sizeof(struct reader_intent) + 1);
}

static void *reader__carve(char **at, size_t bytes)
{
    void *part = *at;
    *at += bytes;
    return part;
}

static void reader__place(struct reader_tables *t, const struct debug_header *h)
{
    char *at = (char *)t + sizeof *t;
    t->value = reader__carve(&at, (size_t)h->tokens * 8);
    t->who = reader__carve(&at, (size_t)h->tokens * 8);
    t->nodes = reader__carve(&at, (size_t)h->nodes * 8);
    t->line = reader__carve(&at, (size_t)h->line_words * 8);
    t->copy = reader__carve(&at, (size_t)h->line_words * 8 * (READER_DEAD + 1));
    t->dead = reader__carve(&at, (size_t)h->holders * sizeof *t->dead);
    t->holder = reader__carve(&at, (size_t)h->tokens * 4);
    t->site = reader__carve(&at, (size_t)h->tokens * 4);
    t->state = reader__carve(&at, h->holders);
}

static bool reader__is_here(const struct debug_header *h)
{
    struct os_process self;
    return os_process_self(&self) == 0 && self.boot == h->owner.boot;
}

int reader_open(struct reader *out, const void *base, size_t bytes)
{
    int error;
    memset(out, 0, sizeof *out);
    if (bytes < DEBUG_HEADER)
        return error_set(-EINVAL, "truncated: it has %zu bytes, and a debug segment begins with %d of header", bytes, DEBUG_HEADER);
    if ((uintptr_t)base % 8)
        return error_set(-EINVAL, "the segment is mapped at %p, no multiple of 8", base);
    out->base = base;
    reader_copy((uint64_t *)(void *)&out->head, reader_words(out, 0), sizeof out->head / 8);
    error = reader_check(&out->head, bytes);
    if (error)
        return error;
    out->bytes = (size_t)out->head.bytes;
    out->tracker = trackers[out->head.tracker];
    out->memory_bytes = reader__size(&out->head);
    out->memory = os_pages(out->memory_bytes);
    if (!out->memory)
        return error_set(-ENOMEM, "no memory for the tables of a debug segment, %zu bytes", out->memory_bytes);
    reader__place(out->memory, &out->head);
    reader_tables(out)->here = reader__is_here(&out->head);
    return reader_refresh(out);
}

void reader_close(struct reader *r)
{
    os_pages_free(r->memory, r->memory_bytes);
    memset(r, 0, sizeof *r);
}

/* Its writer makes seq odd, then even again: an unstable reading leaves what was known before. */
static void reader__numbers(struct reader *r)
{
    const uint64_t *words = reader_words(r, offsetof(struct debug_header, numbers));
    struct debug_numbers copy;
    for (int tries = 0; tries < READER_TRIES; tries++) {
        reader_copy((uint64_t *)(void *)&copy, words, sizeof copy / 8);
        if (!(copy.seq & 1) && load_relaxed_64(words) == copy.seq) {    /* relaxed: the copy's loads came before it */
            r->numbers = copy;
            return;
        }
        if (tries > 8)
            os_yield();
    }
    if (!r->numbers.capacity) {         /* its writer died in the midst of the first one */
        copy.seq = 0;
        r->numbers = copy;
    }
}

static void reader__tokens(struct reader *r)
{
    struct reader_tables *t = reader_tables(r);
    struct debug_token token;
    struct debug_holder holder;
    uint32_t used = 0;
    for (uint32_t i = 1; i < r->head.tokens; i++) {
        t->value[i] = t->who[i] = 0;
        t->holder[i] = t->site[i] = 0;
        if (!reader_token(r, i, &token))
            continue;
        used = i + 1;
        t->value[i] = token_value(r->head.seed, i, token.salt);
        t->holder[i] = token.holder < r->head.holders ? token.holder : 0;
        t->site[i] = token.site < r->head.sites ? token.site : 0;
        if (reader_holder(r, t->holder[i], &holder))
            t->who[i] = (uint64_t)holder.process.pid << 32 | (uint32_t)holder.tid;
    }
    r->tokens.n = used;
    r->tokens.value = t->value;
    r->tokens.holder = t->holder;
    r->tokens.who = t->who;
}

/* Intents of those who will never go on. */
static void reader__intents(struct reader *r)
{
    struct reader_tables *t = reader_tables(r);
    struct debug_holder holder;
    t->dead_n = 0;
    for (uint32_t i = 1; i < r->head.holders; i++)
        if (reader_holder(r, i, &holder) && holder.intent && reader_holder_state(r, i) >= WEIR_ZOMBIE)
            t->dead[t->dead_n++] = (struct reader_intent){ holder.intent, i };
}

int reader_refresh(struct reader *r)
{
    struct reader_tables *t = reader_tables(r);
    memset(t->state, 0, r->head.holders);
    r->head.state = load_acquire_32((const uint32_t *)(const void *)(r->base + offsetof(struct debug_header, state)));  /* reader.A2 <- header.S1 */
    reader__numbers(r);
    reader__tokens(r);
    reader__intents(r);
    t->refreshed = os_now();
    return 0;
}

/* -- tables ------------------------------------------------------------------------------------------------------------------------ */

bool reader_entry(const struct reader *r, uint64_t at, uint32_t index, void *out, size_t bytes)
{
    const uint64_t *words = reader_words(r, at + (uint64_t)index * bytes);
    for (int tries = 0; tries < READER_TRIES; tries++) {
        uint64_t first = load_acquire_64(words);                /* reader.A3 <- token.R1 */
        uint32_t state = (uint32_t)first;
        if (state != DEBUG_READY && state != DEBUG_EXITED)
            break;
        reader_copy(out, words, bytes / 8);
        *(uint64_t *)out = first;
        if (load_relaxed_64(words) == first)                    /* relaxed: the copy's loads came before it */
            return true;
    }
    memset(out, 0, bytes);
    return false;
}

const struct debug_holder *reader_holder(const struct reader *r, uint32_t holder, struct debug_holder *copy)
{
    if (!holder || holder >= r->head.holders || !reader_entry(r, r->head.holders_at, holder, copy, sizeof *copy))
        return NULL;
    copy->name[sizeof copy->name - 1] = 0;
    return copy;
}

bool reader_token(const struct reader *r, uint32_t token, struct debug_token *out)
{
    return token && token < r->head.tokens && reader_entry(r, r->head.tokens_at, token, out, sizeof *out);
}

bool reader_site(const struct reader *r, uint32_t site, struct debug_site *out)
{
    return site && site < r->head.sites && reader_entry(r, r->head.sites_at, site, out, sizeof *out) && out->kind >= SITE_SOURCE && out->kind <= SITE_STACK;
}

bool reader_module(const struct reader *r, uint32_t module, struct debug_module *out)
{
    if (module >= r->head.modules || !reader_entry(r, r->head.modules_at, module, out, sizeof *out))
        return false;
    if (out->id_bytes > sizeof out->build_id)
        out->id_bytes = 0;
    return true;
}

const char *reader_text(const struct reader *r, uint32_t at, char *copy, size_t size)
{
    const char *text = r->base + r->head.text_at;
    size_t n = 0;
    copy[0] = 0;
    for (; at < r->head.text_bytes && n + 1 < size; at++, n++) {
        char c = ((const volatile char *)text)[at];
        copy[n] = c;
        if (!c)
            return copy;
        if ((unsigned char)c < ' ' || c == 127)
            copy[n] = '?';              /* what is printed must not talk to the terminal */
    }
    if (at >= r->head.text_bytes)
        n = 0;
    copy[n] = 0;
    return copy;
}

unsigned reader_frames(const struct reader *r, const struct debug_site *site, uint64_t *out, unsigned n)
{
    uint32_t first = (uint32_t)(site->offset >> 32), frames = (uint32_t)site->offset;
    if (site->kind != SITE_STACK || first >= r->head.frames || frames > r->head.frames - first)
        return 0;
    if (frames < n)
        n = frames;
    reader_copy(out, reader_words(r, r->head.frames_at + (uint64_t)first * 8), n);
    return n;
}

struct reader_holder reader_named(const struct reader *r, const struct verdict *v, unsigned i)
{
    const struct reader_tables *t = reader_tables(r);
    struct reader_holder out = { 0 };
    if (i >= v->n || i >= VERDICT_HOLDERS)
        return out;
    out.token = v->holder[i].token < r->tokens.n ? v->holder[i].token : 0;
    out.refs = v->holder[i].refs;
    out.since = v->holder[i].since;
    if (out.token) {
        out.holder = t->holder[out.token];
        out.site = v->site_unknown ? 0 : t->site[out.token];
    }
    return out;
}

/* -- who is alive -------------------------------------------------------------------------------------------------------------------- */

static uint8_t reader__ask(const struct reader *r, struct debug_holder *h)
{
    struct os_process process = { h->process.boot, h->process.space, h->process.pid, h->process.start };
    uint8_t state;
    h->beat &= UINT32_MAX;              /* so far apart that nothing overflows */
    state = (uint8_t)(1 + holder_state(h, reader_now(r) / DEBUG_UNIT, r->head.hung / (uint64_t)DEBUG_UNIT));
    if (h->state == DEBUG_EXITED && os_process_life(&process) == OS_ALIVE)
        state |= READER_ENDED;
    return state;
}

static uint8_t reader__state(struct reader *r, uint32_t holder)
{
    struct reader_tables *t = reader_tables(r);
    struct debug_holder copy;
    if (!reader_holder(r, holder, &copy))
        return 1 + WEIR_ALIVE;
    if (!t->state[holder])
        t->state[holder] = reader__ask(r, &copy);
    return t->state[holder];
}

enum weir_holder_state reader_holder_state(struct reader *r, uint32_t holder)
{
    return (enum weir_holder_state)((reader__state(r, holder) & ~READER_ENDED) - 1);
}

bool reader_holder_ended(struct reader *r, uint32_t holder)
{
    return (reader__state(r, holder) & READER_ENDED) != 0;
}

/* The monotonic clock of another boot says nothing here: then it is when the owner wrote last. */
int64_t reader_now(const struct reader *r)
{
    int64_t now = os_now() - r->head.created;
    if (!reader_tables(r)->here || now < 0)
        now = r->numbers.at <= UINT32_MAX ? (int64_t)r->numbers.at * DEBUG_UNIT : 0;
    return now;
}
