/* debug/threads.c - the threads that a watch knows: a block for each thread, in it a record for each watch that it came to.
 *
 *     thread_track_slot() -> block -> records[watch's id] -> record (token.c)          blocks are in a list, for closes and forks
 *
 * Purpose    each thread finds its record by three loads; a thread's end, a watch's end and a fork, which come in any order, leave nothing that leads nowhere.
 * Invariant  a record's watch is open, or NULL. Its own thread alone makes and frees records; a close, holding threads__lock, sets the watches of others to NULL.
 *
 *                 lookup  register  exit  forget  name, beat
 *     lookup       yes      yes     yes    yes      yes        forget: of another watch; nobody uses one that closes
 *     register              yes     yes    yes      yes        the list and the arrays by threads__lock; entries of the segment by w->lock, which comes
 *     exit                          yes    yes      yes        first and never together with it
 *
 * progress   lookup: wait-free; all else takes a lock, and registering reads /proc
 *
 * What can go wrong: a thread that is dying, or for which there is no memory, is "nobody": its references have token 0. So is one that finds the table
 * full, for the rest of its life.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../src/panic.h"
#include "token_private.h"

struct block {
    struct block *next, **back;         /* the list, under threads__lock */
    struct record **records;            /* [n], by the watch's id; written under threads__lock */
    uint32_t n;
    size_t bytes;                       /* of the records' pages */
    bool named;                         /* by weir_holder_name */
    struct holder_identity who;
};

static struct os_lock threads__lock;
static struct block *threads__all;
static struct debug_process threads__process;           /* this one's, since its first registration or its fork */

/* -- who we are ------------------------------------------------------------------------------------------------------------------------ */

/* Under threads__lock. */
static struct debug_process threads__self(void)
{
    if (threads__process.pid != os_pid()) {
        struct os_process p;
        (void)os_process_self(&p);
        threads__process = (struct debug_process){ p.boot, p.space, p.pid, p.start };
    }
    return threads__process;
}

static void threads__system_name(struct holder_identity *who)
{
    os_thread_name(who->name, sizeof who->name);
    if (who->name[0] == 0)
        (void)snprintf(who->name, sizeof who->name, "thread-%lld", (long long)who->tid);
}

/* Not under threads__lock: on Windows a thread that ends waits for that with the loader's lock held, which this may ask for. */
static void threads__identify(struct block *b)
{
    b->who.tid = os_thread_id();
    b->who.start = os_thread_start();
    if (!b->named)
        threads__system_name(&b->who);
}

/* -- blocks -------------------------------------------------------------------------------------------------------------------------------- */

/* NULL: no memory, or the thread is dying. */
static struct block *threads__block(void)
{
    void **slot = thread_track_slot();
    if (slot == NULL || *slot)
        return slot ? *slot : NULL;
    struct block *b = os_pages(sizeof *b);
    if (b == NULL)
        return NULL;
    threads__identify(b);
    os_lock(&threads__lock);
    b->who.process = threads__self();
    b->next = threads__all;
    b->back = &threads__all;
    if (b->next)
        b->next->back = &b->next;
    threads__all = b;
    os_unlock(&threads__lock);
    *slot = b;
    return b;
}

/* A place for the record of a watch: the array grows, and the record of an earlier watch of this number goes. */
static bool threads__room(struct block *b, uint32_t id)
{
    size_t bytes = b->bytes ? b->bytes : os_page_size();
    struct record **records;
    if (id >= b->n) {
        while (bytes / sizeof *records <= id)
            bytes *= 2;
        records = os_pages(bytes);
        if (records == NULL)
            return false;
        if (b->n)
            memcpy(records, b->records, b->n * sizeof *records);
        os_lock(&threads__lock);
        struct record **old = b->records;
        size_t old_bytes = b->bytes;
        b->records = records;
        b->bytes = bytes;
        b->n = (uint32_t)(bytes / sizeof *records);
        os_unlock(&threads__lock);
        os_pages_free(old, old_bytes);
    }
    struct record *old = b->records[id];
    os_lock(&threads__lock);
    b->records[id] = NULL;
    os_unlock(&threads__lock);
    if (old)
        record_end(old);
    return true;
}

static struct watch *threads__watch(const struct record *r)
{
    return load_relaxed_ptr(&r->t.watch);                   /* relaxed watch: a closed one is no watch that anybody asks for, however late it is seen */
}

static struct record *threads__find(const struct block *b, const struct watch *w)
{
    struct record *r = w->id < b->n ? b->records[w->id] : NULL;
    return r && threads__watch(r) == w ? r : NULL;
}

/* -- nobody ------------------------------------------------------------------------------------------------------------------------------ */

struct locals *watch_locals(struct watch *w)
{
    struct locals *l = load_acquire_ptr(&w->locals);        /* threads.L2 <- threads.L1 */
    if (l)
        return l;
    os_lock(&w->lock);
    l = w->locals;
    if (l == NULL) {
        l = os_pages(sizeof *l);
        if (l)
            record_begin(&l->nobody, w, 0);
        store_release_ptr(&w->locals, l);                   /* threads.L1 -> threads.L2: what is in them */
    }
    os_unlock(&w->lock);
    return l;
}

static struct watched_thread *threads__nobody(struct watch *w)
{
    static struct record none;                              /* not even of a watch: all its tokens are 0 */
    struct locals *l = watch_locals(w);
    return l ? &l->nobody.t : &none.t;
}

/* -- registering ------------------------------------------------------------------------------------------------------------------------- */

static struct watched_thread *threads__register(struct watch *w)
{
    struct block *b = threads__block();
    if (b == NULL || watch_locals(w) == NULL || !threads__room(b, w->id))
        return threads__nobody(w);
    struct record *r = os_pages(sizeof *r);
    if (r == NULL)
        return threads__nobody(w);
    if (!b->named)
        threads__system_name(&b->who);                      /* it may have been named since */
    os_lock(&w->lock);
    record_begin(r, w, holder_claim(w, &b->who));
    os_unlock(&w->lock);
    os_lock(&threads__lock);
    b->records[w->id] = r;
    os_unlock(&threads__lock);
    return &r->t;
}

struct watched_thread *watched_thread(struct watch *w)
{
    void **slot = thread_track_slot();
    if (slot && *slot) {
        struct record *r = threads__find(*slot, w);
        if (r)
            return &r->t;
    }
    return threads__register(w);
}

/* -- the ends ------------------------------------------------------------------------------------------------------------------------------ */

static void threads__unlink(struct block *b)
{
    *b->back = b->next;
    if (b->next)
        b->next->back = b->back;
}

static void threads__free(struct block *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        if (b->records[i])
            record_end(b->records[i]);
    }
    os_pages_free(b->records, b->bytes);
    os_pages_free(b, sizeof *b);
}

void token_thread_exit(void *mine)
{
    struct block *b = mine;
    os_lock(&threads__lock);
    threads__unlink(b);
    for (uint32_t i = 0; i < b->n; i++) {
        struct record *r = b->records[i];
        struct watch *w = r ? threads__watch(r) : NULL;
        if (w && r->t.index)
            holder_exit(w, r->t.holder);
    }
    os_unlock(&threads__lock);
    threads__free(b);
}

void token_forget(struct watch *w)
{
    struct locals *l = w->locals;
    os_lock(&threads__lock);
    for (struct block *b = threads__all; b; b = b->next) {
        struct record *r = threads__find(b, w);
        if (r)
            store_relaxed_ptr(&r->t.watch, NULL);
    }
    os_unlock(&threads__lock);
    w->locals = NULL;
    if (l) {
        os_pages_free(l->map, l->map_bytes);
        os_pages_free(l, sizeof *l);
    }
}

/* -- fork --------------------------------------------------------------------------------------------------------------------------------- */

void token_hold(void)
{
    os_lock(&threads__lock);
}

void token_let_go(void)
{
    os_unlock(&threads__lock);
}

static void threads__identify_again(struct block *b)
{
    threads__identify(b);
    b->who.process = threads__self();
    for (uint32_t i = 0; i < b->n; i++) {
        if (b->records[i] && b->records[i]->shared)
            store_relaxed_ptr(&b->records[i]->t.watch, NULL);       /* its entry is the parent's */
    }
}

void token_forked_threads(void)
{
    void **slot = thread_track_slot_known();
    struct block *own = slot ? *slot : NULL, *next;
    for (struct block *b = threads__all; b; b = next) {
        next = b->next;
        if (b != own)
            threads__free(b);
    }
    threads__all = own;
    if (own) {
        own->next = NULL;
        own->back = &threads__all;
        threads__identify_again(own);
    }
}

void token_forked(struct watch *w)
{
    void **slot = thread_track_slot_known();
    struct block *b = slot ? *slot : NULL;
    struct record *r = b ? threads__find(b, w) : NULL;
    struct locals *l = w->locals;
    if (l && l->nobody.t.holder)
        l->nobody.t.holder = &w->holders[0];            /* the copy may lie elsewhere */
    if (r && r->t.index) {
        r->t.holder = &w->holders[r->t.index];
        holder_become(r->t.holder, &b->who);
        record_identify(r);
    }
}

/* -- names and beats --------------------------------------------------------------------------------------------------------------------- */

/* As many bytes as there is room for, no character of UTF-8 cut in two. */
static void threads__cut_name(struct holder_identity *who, const char *name)
{
    size_t bytes = strlen(name);
    if (bytes >= sizeof who->name) {
        bytes = sizeof who->name - 1;
        while (bytes > 0 && ((unsigned char)name[bytes] & 0xc0) == 0x80)
            bytes--;
    }
    memset(who->name, 0, sizeof who->name);
    memcpy(who->name, name, bytes);
}

static void threads__rename(const struct block *b)
{
    os_lock(&threads__lock);
    for (uint32_t i = 0; i < b->n; i++) {
        struct record *r = b->records[i];
        if (r && threads__watch(r) && r->t.index)
            holder_rename(r->t.holder, b->who.name);
    }
    os_unlock(&threads__lock);
}

int weir_holder_name(const char *name)
{
    struct block *b;
    thread_track_begin();
    b = threads__block();
    if (b == NULL)
        return error_set(-ENOMEM, "the thread can't be named \"%.47s\": there is no memory for its record, or it is ending", name ? name : "");
    b->named = name && *name;
    if (b->named)
        threads__cut_name(&b->who, name);
    else
        threads__system_name(&b->who);
    threads__rename(b);
    return 0;
}

void weir_holder_beat(void)
{
    void **slot = thread_track_slot();
    struct block *b = slot ? *slot : NULL;
    if (b == NULL)
        return;
    os_lock(&threads__lock);
    for (uint32_t i = 0; i < b->n; i++) {
        struct record *r = b->records[i];
        struct watch *w = r ? threads__watch(r) : NULL;
        if (w)
            holder_sign(&r->t, watch_time(w));
    }
    os_unlock(&threads__lock);
}
