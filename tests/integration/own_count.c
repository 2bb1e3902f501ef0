/* own_count.c - chat rooms with a count of their own: -DBEFORE an atomic in the struct, without it weir_ref in a domain. See debug/migrate-a-count.md.
 *
 * A room lives as long as somebody is in it. Three people enter, two leave; who is still in? In the second program, the domain says.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#ifndef BEFORE
#include <weir/weir.h>
#endif

/* ---------------------------------------------------------------------------------------------------------------------------- */
#ifdef BEFORE

/* page: struct.before */
struct room {
    atomic_uint refs;
    char topic[32];
};
/* page: */

/* page: new.before */
static struct room *room_new(const char *topic)
{
    struct room *room = calloc(1, sizeof *room);
    if (!room)
        abort();
    atomic_init(&room->refs, 1);
    snprintf(room->topic, sizeof room->topic, "%s", topic);
    return room;
}
/* page: */

/* page: count.before */
static void room_get(struct room *room)
{
    atomic_fetch_add_explicit(&room->refs, 1, memory_order_relaxed);
}

static void room_put(struct room *room)
{
    if (atomic_fetch_sub_explicit(&room->refs, 1, memory_order_acq_rel) == 1)
        free(room);
}
/* page: */

/* page: find.before */
static bool room_get_if_alive(struct room *room)
{
    unsigned refs = atomic_load(&room->refs);
    while (refs && !atomic_compare_exchange_weak(&room->refs, &refs, refs + 1))
        continue;
    return refs != 0;
}
/* page: */

struct person {
    const char *name;
    struct room *room;
};

/* page: enter.before */
static void enter(struct person *p, struct room *room)
{
    room_get(room);
    p->room = room;
}

static void leave(struct person *p)
{
    room_put(p->room);
}
/* page: */

/* Somebody looks in, by a pointer that may be stale, and by one that isn't. */
static void look_in(struct room *room)
{
    if (room_get_if_alive(room))
        room_put(room);
    room_get(room);
    room_put(room);
}

int main(void)
{
    struct person ann = { "ann", NULL }, bob = { "bob", NULL };
    struct room *room = room_new("rivers");
    enter(&ann, room);
    enter(&bob, room);
    look_in(room);
    leave(&ann);
    room_put(room);
    printf("%s: references left: %u\n", room->topic, atomic_load(&room->refs));
    leave(&bob);
    return 0;
}

/* ---------------------------------------------------------------------------------------------------------------------------- */
#else

/* page: struct.after */
struct room {
    struct weir_ref ref;
    char topic[32];
};
/* page: */

/* page: domain.after */
static struct weir_domain *rooms;

static void rooms_open(void)
{
    if (weir_domain_create(&rooms, "rooms", 1000, NULL) != 0) {
        fprintf(stderr, "%s\n", weir_error_message());
        abort();
    }
}
/* page: */

/* page: new.after */
static struct room *room_new(const char *topic)
{
    struct room *room = calloc(1, sizeof *room);
    if (!room)
        abort();
    weir_ref_init(&room->ref, rooms, room);
    snprintf(room->topic, sizeof room->topic, "%s", topic);
    return room;
}
/* page: */

/* page: count.after */
static void room_get(struct room *room)
{
    weir_ref_get(&room->ref);
}

static void room_put(struct room *room)
{
    if (weir_ref_put(&room->ref))
        free(room);
}
/* page: */

/* page: find.after */
static bool room_get_if_alive(struct room *room)
{
    return weir_ref_get_unless_zero(&room->ref);
}
/* page: */

struct person {
    const char *name;
    struct room *room;
    weir_hold hold;
};

/* page: enter.after */
static void enter(struct person *p, struct room *room)
{
    p->hold = weir_ref_take(&room->ref);
    p->room = room;
}

static void leave(struct person *p)
{
    if (weir_ref_drop(&p->room->ref, p->hold))
        free(p->room);
}
/* page: */

/* page: who.after */
static int say_who(const struct weir_leak *leak, void *arg)
{
    const struct room *room = leak->object;
    (void)arg;
    for (unsigned i = 0; i < leak->holders; i++)
        printf("%s: %d by %s, taken in %s()\n", room->topic, (int)leak->holder[i].refs, leak->holder[i].name,
               leak->holder[i].function);
    return 0;
}
/* page: */

/* Somebody looks in, by a pointer that may be stale, and by one that isn't. */
static void look_in(struct room *room)
{
    if (room_get_if_alive(room))
        room_put(room);
    room_get(room);
    room_put(room);
}

int main(void)
{
    struct person ann = { "ann", NULL, 0 }, bob = { "bob", NULL, 0 };
    struct room *room;
    weir_holder_name("main");
    rooms_open();
    room = room_new("rivers");
    enter(&ann, room);
    enter(&bob, room);
    look_in(room);
    leave(&ann);
    room_put(room);
    printf("%s: references left: %u\n", room->topic, (unsigned)weir_ref_count(&room->ref));
    weir_domain_leaks(rooms, 0, say_who, NULL);
    leave(&bob);
    return weir_domain_close(rooms) == 0 ? 0 : 1;
}
#endif
