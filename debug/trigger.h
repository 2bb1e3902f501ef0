/* debug/trigger.h - when a watch's report is written: at a close that is refused, at exit, on a signal. */
#ifndef WEIR_DEBUG_TRIGGER_H
#define WEIR_DEBUG_TRIGGER_H

struct spec;
struct watch;

/* Before a watch is made of it: names of files become absolute, and what could only fail later is tried. An error's message names the file. */
int trigger_check(struct spec *s);
void trigger_start(struct watch *w);                            /* the watch is listed: what its spec asks for is arranged */
void trigger_busy(struct watch *w);                             /* a close found live objects; nobody closes it meanwhile */
void trigger_forked(void);                                      /* in a forked child, which has no thread but its own */

#endif
