/* debug/module.c - the table of modules: each program and library once, by its path and build id, whichever process or address it was first seen at.
 *
 * Purpose    a return address becomes (module, offset), which is the same in all processes, and can be looked up when all of them are gone.
 * Threads    module_look_up: any, at once. module_entry: under w->lock in a process; between processes an entry is claimed by a swap, and two that come at
 *            once may make two entries, which is harmless.
 * What can go wrong: the table is full, or the code is of no module (made at run time): module 0, and the offset is the address.
 */
#include <string.h>
#include "module.h"
#include "site.h"
#include "token_private.h"

void module_look_up(struct module_place *out, const void *address)
{
    out->known = os_module_of(address, &out->module) == 0;
    out->offset = (uint64_t)(uintptr_t)address - (out->known ? out->module.base : 0);
}

static bool module__is(const struct watch *w, const struct debug_module *m, const struct os_module *wanted)
{
    return m->id_bytes == wanted->id_bytes && memcmp(m->build_id, wanted->build_id, m->id_bytes) == 0 && m->path < w->head->text_bytes &&
           strcmp(w->text + m->path, wanted->path) == 0;
}

static uint32_t module__find(struct watch *w, const struct os_module *wanted)
{
    for (uint32_t i = 1; i < w->head->modules; i++) {
        /* token.A2 <- token.R1 */
        if (load_acquire_32(&w->modules[i].state) == DEBUG_READY && module__is(w, &w->modules[i], wanted))
            return i;
    }
    return 0;
}

uint32_t module_entry(struct watch *w, const struct module_place *place)
{
    const struct os_module *m = &place->module;
    uint32_t i = place->known ? module__find(w, m) : 0, next = 1;
    if (i || !place->known)
        return i;
    i = table_claim(w->modules, sizeof *w->modules, w->head->modules, &next);
    if (i == 0)
        return 0;
    struct debug_module filled = { .id_bytes = m->id_bytes, .base = m->base, .pid = os_pid(), .path = site_text(w, m->path) };
    memcpy(filled.build_id, m->build_id, m->id_bytes);
    table_fill(&w->modules[i], &filled, sizeof filled);
    return i;
}
