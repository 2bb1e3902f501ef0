/* debug/site.h - the table of sites: places in the source, each once, and the modules and texts that they name.
 *
 * All of these take w->lock, find what is there already (in a shared segment by whichever process), and answer the entry's number; 0: the table is full.
 */
#ifndef WEIR_DEBUG_SITE_H
#define WEIR_DEBUG_SITE_H

#include "watch.h"

uint32_t site_of_source(struct watch *w, const struct weir_site *site);
uint32_t site_of_address(struct watch *w, const void *address);
uint32_t site_of_stack(struct watch *w, const void *const *frames, unsigned n);

/* Zero-terminated text in the segment, once for each; 0: "", or there is no room. Under w->lock. */
uint32_t site_text(struct watch *w, const char *text);

#endif
