/* src/track.h - all that the core knows of the debug layer: a table of functions, and the head of what it keeps for a pool.
 *
 * A pool (or a domain) that is not watched has track NULL, and nothing here is ever called for it. Of a watched pool one *life* in `sample` is
 * followed, from get to the last release; with guards, every life is looked at when it begins and ends. Both are reached by the test that
 * get, put, ref and unref make anyway: a watched pool's rations end at the next life that is to be followed, and the header of an op that is
 * followed or guarded has marks, which make each put, ref and unref of it odd.
 *
 * A followed op's header holds WEIR_REFS_TRACKED and a sentinel that counts along but never comes near 0; its true count is in the tracker's line
 * and is dropped after the tracker's own words. So whoever lowers that to 0 is the last, and nobody else is in the midst of anything.
 *
 * `site`: where the caller called from (a return address), or NULL: not known.
 */
#ifndef WEIR_PRIVATE_TRACK_H
#define WEIR_PRIVATE_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir_pool;
struct weir_domain;

struct track {                  /* the head; what the layer keeps lies behind it */
    uint32_t sample;            /* one life in so many is followed; 0: none, there are guards alone */
    bool guard;                 /* every life is looked at when it begins and when it ends */
    bool pages;                 /* buffers lie in whole pages of their own, protected while the op is free */
    uint32_t red_zone;          /* bytes behind each buffer that nobody may write */
};

enum track_kind { TRACK_POOL = 1, TRACK_DOMAIN = 2 };

struct track_shape {            /* what is to be watched */
    enum track_kind kind;
    const char *name;
    uint32_t objects;           /* lines: a pool's capacity, a domain's max_objects */
    bool shared;                /* other processes open it, too */
    bool attach;                /* ... and this one does now: the creator's record is there, if it asked for any */
    unsigned mode;              /* shared: permission bits of the record */
    size_t buffer_size, buffer_align;
};

enum track_raise { TRACK_RAISED, TRACK_GONE, TRACK_FULL };
enum track_left { TRACK_LEFT, TRACK_LAST_ONE, TRACK_FREE };     /* FREE: there was none to give back, nothing was done */
#define TRACK_NONE UINT32_MAX

struct track_layer {
    /* -- a pool's or domain's life. open: *out is NULL if `spec` (NULL: the environment, then the build's default) asks for nothing. placed: where the
     * ops lie is known. close: with `force` false, the layer may refuse by -EBUSY after having reported, if objects are followed. */
    int (*open)(struct track **out, const struct track_shape *shape, const char *spec);
    void (*placed)(struct track *t, struct weir_pool *pool);
    void (*left)(struct track *t, struct weir_pool *pool);      /* the ops' memory is about to go, before close */
    void (*close)(struct track *t);
    void (*unlink)(const char *name);                           /* a shared pool loses its name: so does what is kept of it */
    uint32_t (*followed)(const struct track *t);                /* how many lives are followed now */
    void (*busy)(struct track *t);                              /* a close found live objects: report, if asked */
    void (*hold)(void);                                         /* before a fork: the layer's locks; let_go: after it, on both sides */
    void (*let_go)(void);
    void (*forked)(void);                                       /* in a child, before anything else is used there, and before let_go */
    void (*thread_exit)(void *mine);                            /* what the thread kept by thread_track_slot(), not NULL */

    /* -- a life. begin: the object has one reference from now on. false: no memory for its line (it is counted): the object isn't followed. A domain's
     * objects have no index of their own: object gives the one of a line that is free, published from the start, or TRACK_NONE: this life is not
     * followed; address is what object was given.
     * end: the life is over, by who holds the last reference, or has just given it back by unref. */
    bool (*begin)(struct track *t, uint32_t object, uint32_t generation, const void *site);
    uint32_t (*object)(struct track *t, const void *address, const void *site);
    const void *(*address)(const struct track *t, uint32_t object);
    void (*end)(struct track *t, uint32_t object, const void *site);
    bool (*ref)(struct track *t, uint32_t object, const void *site);        /* by who holds one; false: there are 2^30, nothing was done */
    enum track_left (*unref)(struct track *t, uint32_t object, const void *site);   /* after LAST comes end, by the same thread */
    /* By who may hold none: unless there are none, or it is not published, or *header under mask is not `expected`, read after the line: so a line
     * that has passed to another object is not raised. */
    enum track_raise (*raise)(struct track *t, uint32_t object, const uint64_t *header, uint64_t mask, uint64_t expected, const void *site);
    void (*publish)(struct track *t, uint32_t object);
    uint32_t (*refs)(const struct track *t, uint32_t object);
    void (*note)(struct track *t, uint32_t object, unsigned event, const void *site);   /* enum track_event, for the journal */

    /* -- guards: by the only holder. taken: checks what put left. given: red zones, poison, protection. discarded: a trim took the pages of
     * these free ops, whose poison is gone. */
    void (*taken)(struct track *t, struct weir_pool *pool, uint32_t object, const void *site);
    void (*given)(struct track *t, struct weir_pool *pool, uint32_t object, const void *site);
    void (*discarded)(struct track *t, uint32_t from, uint32_t to);

    /* What happened to the object, a few lines of text for the message of a panic; "" when nothing is known. */
    void (*biography)(struct track *t, uint32_t object, char *text, size_t size);
};

enum track_event { TRACK_TAKE, TRACK_GIVE, TRACK_MOVE, TRACK_SUBMIT, TRACK_RETURN, TRACK_BORN, TRACK_LAST };

/* NULL in a library that was built with -DWEIR_DEBUG_LAYER=OFF. */
extern const struct track_layer *const track_layer;

/* For the layer: where this thread keeps its own pointer; NULL: the thread has no record (no memory, or it is dying). */
void **thread_track_slot(void);
void **thread_track_slot_known(void);           /* NULL also if it has none yet: for a fork, which holds the threads' lock */
void thread_track_begin(void);          /* before it, by who may come before the first pool: takes the registry's lock */

#endif
