/* debug/site.c - the table of sites: places in the source, each once, with the texts and frames that they name.
 *
 *     a weir_site           file and function in text, line
 *     a return address      module and offset in it
 *     a stack               frames, each {module 16, offset 48}
 *
 * Purpose    what a token or a place says fits 16 bits, and can be read when the process is gone.
 * Invariant  a READY entry never changes: there is no reuse. What is there already is found again, by its contents, so that neither many threads nor many
 *            processes of a shared pool fill the table with the same places; a map of this process's addresses spares the search.
 * Threads    all under w->lock; between processes entries, text and frames are claimed by swaps, and two who come at once may make the same entry twice.
 * Progress   takes w->lock, and the loader's before it; the map may ask for memory
 *
 * What can go wrong: the table, the text or the frames are full: site 0, "no place known", or a site with the name of its file missing. A process
 * that dies between a claim and READY loses what it claimed.
 */
#include <string.h>
#include "module.h"
#include "site.h"
#include "token_private.h"

enum { SITE_MAP = 4096 };               /* bytes of the first map */

/* -- the map ---------------------------------------------------------------------------------------------------------------------------------- */

static uint32_t site__place(const struct site_map *map, uint64_t key)
{
    uint32_t i = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & map->mask;
    while (map->place[i].key != key && map->place[i].key)
        i = (i + 1) & map->mask;
    return i;
}

uint32_t site_known(const struct locals *l, uint64_t key)
{
    return l->map ? l->map->place[site__place(l->map, key)].site : 0;
}

/* The key last: a child that was forked meanwhile finds a whole place or none. */
static void site__put(struct site_map *map, uint64_t key, uint32_t site)
{
    uint32_t i = site__place(map, key);
    map->place[i].site = site;
    map->place[i].key = key;
    map->used++;
}

static struct site_map *site__bigger(struct locals *l)
{
    size_t bytes = l->map ? 2 * l->map_bytes : SITE_MAP;
    struct site_map *map = os_pages(bytes), *old = l->map;
    if (map == NULL)
        return old;
    map->mask = 1;
    while (sizeof *map + (2 * (size_t)map->mask + 2) * sizeof map->place[0] <= bytes)
        map->mask = 2 * map->mask + 1;
    for (uint32_t i = 0; old && i <= old->mask; i++) {
        if (old->place[i].key)
            site__put(map, old->place[i].key, old->place[i].site);
    }
    l->map = map;
    os_pages_free(old, l->map_bytes);
    l->map_bytes = bytes;
    return map;
}

/* Without memory for it, it will be searched for again. */
void site_know(struct locals *l, uint64_t key, uint32_t site)
{
    struct site_map *map = l->map;
    if (map == NULL || 4 * (map->used + 1) > 3 * (map->mask + 1))
        map = site__bigger(l);
    if (site && map && map->used < map->mask)
        site__put(map, key, site);
}

/* -- text and frames ----------------------------------------------------------------------------------------------------------------------------- */

/* `n` more of what a header's counter counts; *at: the first. False: there is no room. */
static bool site__more(uint32_t *used, uint32_t most, uint32_t n, uint32_t *at)
{
    uint32_t seen = load_relaxed_32(used);
    do {
        if (n > most || seen > most - n)
            return false;
    } while (!cas_32(used, &seen, seen + n));               /* site.U1 -> site.U1: the number alone */
    *at = seen;
    return true;
}

static uint32_t site__text_find(const struct watch *w, const char *text, size_t bytes)
{
    uint32_t used = load_relaxed_32(&w->head->text_used), most = w->head->text_bytes;
    uint32_t end = used < most ? used : most;
    for (uint32_t at = 1; at < end && bytes <= end - at;) {
        if (memcmp(w->text + at, text, bytes) == 0)
            return at;
        const char *zero = memchr(w->text + at, 0, end - at);
        if (zero == NULL)
            return 0;
        at = (uint32_t)(zero - w->text) + 1;
    }
    return 0;
}

uint32_t site_text(struct watch *w, const char *text)
{
    size_t bytes = text ? strlen(text) + 1 : 1;
    uint32_t at = 0, none;
    if (bytes == 1 || bytes > UINT16_MAX)
        return 0;
    if (load_relaxed_32(&w->head->text_used) == 0)
        (void)site__more(&w->head->text_used, w->head->text_bytes, 1, &none);       /* offset 0 is "" */
    at = site__text_find(w, text, bytes);
    if (at || !site__more(&w->head->text_used, w->head->text_bytes, (uint32_t)bytes, &at))
        return at;
    memcpy(w->text + at, text, bytes);
    return at;
}

/* -- entries ------------------------------------------------------------------------------------------------------------------------------------- */

static uint64_t site__frame(const struct watch *w, uint64_t stack, uint32_t i)
{
    uint64_t at = (stack >> 32) + i;
    return at < w->head->frames ? load_relaxed_64(&w->frames[at]) : 0;      /* relaxed frames: published by the entry's state */
}

static bool site__same_stack(const struct watch *w, uint64_t stack, const uint64_t *frames, uint32_t n)
{
    if ((uint32_t)stack != n)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (site__frame(w, stack, i) != frames[i])
            return false;
    }
    return true;
}

static bool site__same(const struct watch *w, const struct debug_site *a, const struct debug_site *b, const uint64_t *frames)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == SITE_STACK)
        return site__same_stack(w, a->offset, frames, (uint32_t)b->offset);
    return a->file == b->file && a->function == b->function && a->line == b->line && a->module == b->module && a->offset == b->offset;
}

static uint32_t site__find(const struct watch *w, const struct debug_site *wanted, const uint64_t *frames)
{
    for (uint32_t i = 1; i < w->head->sites; i++) {
        /* token.A2 <- token.R1 */
        if (load_acquire_32(&w->sites[i].state) == DEBUG_READY && site__same(w, &w->sites[i], wanted, frames))
            return i;
    }
    return 0;
}

static bool site__store_frames(struct watch *w, struct debug_site *s, const uint64_t *frames)
{
    uint32_t n = (uint32_t)s->offset, first;
    if (!site__more(&w->head->frames_used, w->head->frames, n, &first))
        return false;
    for (uint32_t i = 0; i < n; i++)
        store_relaxed_64(&w->frames[first + i], frames[i]);
    s->offset |= (uint64_t)first << 32;
    return true;
}

/* The entry that says this, which is there or is made. Of a stack, offset is the number of its frames. Under w->lock. */
static uint32_t site__entry(struct watch *w, struct debug_site *s, const uint64_t *frames)
{
    struct locals *l = w->locals;
    uint32_t i = site__find(w, s, frames);
    if (i || (s->kind == SITE_STACK && !site__store_frames(w, s, frames)))
        return i;
    i = table_claim(w->sites, sizeof *w->sites, w->head->sites, &l->site_next);
    if (i)
        table_fill(&w->sites[i], s, sizeof *s);
    else
        (void)add_64(&w->head->numbers.unnamed, 1);         /* token.N1: the number alone */
    return i;
}

/* -- the three kinds ------------------------------------------------------------------------------------------------------------------------------ */

uint32_t site_of_source(struct watch *w, const struct weir_site *site)
{
    os_lock(&w->lock);
    uint32_t i = site_known(w->locals, (uintptr_t)site);
    if (i == 0) {
        struct debug_site s = { .kind = SITE_SOURCE, .file = site_text(w, site->file), .function = site_text(w, site->function),
                                .line = (uint32_t)site->line };
        i = site__entry(w, &s, NULL);
        site_know(w->locals, (uintptr_t)site, i);
    }
    os_unlock(&w->lock);
    return i;
}

static uint32_t site__look(struct watch *w, uint64_t key)
{
    os_lock(&w->lock);
    uint32_t i = site_known(w->locals, key);
    os_unlock(&w->lock);
    return i;
}

uint32_t site_of_address(struct watch *w, const void *address)
{
    struct module_place place;
    uint32_t i = site__look(w, (uintptr_t)address);
    if (i)
        return i;
    module_look_up(&place, address);
    os_lock(&w->lock);
    struct debug_site s = { .kind = SITE_ADDRESS, .module = module_entry(w, &place) };
    s.offset = s.module ? place.offset : (uintptr_t)address;
    i = site__entry(w, &s, NULL);
    site_know(w->locals, (uintptr_t)address, i);
    os_unlock(&w->lock);
    return i;
}

static uint64_t site__frame_of(struct watch *w, const void *address)
{
    struct module_place place;
    module_look_up(&place, address);
    os_lock(&w->lock);
    uint64_t module = module_entry(w, &place);
    os_unlock(&w->lock);
    return module << 48 | ((module ? place.offset : (uintptr_t)address) & UINT64_C(0xffffffffffff));
}

/* By its frames, not by a digest: two stacks of one digest are two sites. */
uint32_t site_of_stack(struct watch *w, const void *const *frames, unsigned n)
{
    uint64_t found[DEBUG_STACK];
    struct debug_site s = { .kind = SITE_STACK, .offset = n < DEBUG_STACK ? n : DEBUG_STACK };
    for (unsigned i = 0; i < (unsigned)s.offset; i++)
        found[i] = site__frame_of(w, frames[i]);
    os_lock(&w->lock);
    uint32_t entry = site__entry(w, &s, found);
    os_unlock(&w->lock);
    return entry;
}
