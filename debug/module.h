/* debug/module.h - the table of modules: the program and the libraries that return addresses lie in. */
#ifndef WEIR_DEBUG_MODULE_H
#define WEIR_DEBUG_MODULE_H

#include "watch.h"

struct module_place { struct os_module module; uint64_t offset; bool known; };

/* Asks the loader, which has a lock of its own: not under w->lock. */
void module_look_up(struct module_place *out, const void *address);

/* The module's entry, by its path and build id; 0: it is of no module, or the table is full. Under w->lock. */
uint32_t module_entry(struct watch *w, const struct module_place *place);

#endif
