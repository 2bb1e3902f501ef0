/* debug/spec.h - what is asked of the debug layer: the one grammar of weir_pool_config.debug, of a domain's string and of WEIR_DEBUG, which
 * include/weir/track.h describes. */
#ifndef WEIR_DEBUG_SPEC_H
#define WEIR_DEBUG_SPEC_H

#include <stdbool.h>
#include <stdint.h>
#include "layout.h"

struct spec {
    enum debug_tracker tracker;
    unsigned parameter;         /* sketch: k, 1 to 8 (4); slots: n, 1 to 64 (8); journal: n, 1 to 256 (16); else 0 */
    unsigned journal;           /* entries beside another tracker; 0: none. With guards 8, unless it is said */
    unsigned sample;            /* 1 to 2^20 (1) */
    bool guard, pages;
    unsigned stacks;            /* frames, 1 to DEBUG_STACK (16); 0: one return address */
    bool own;
    bool report;                /* at a close that is refused, and at exit */
    char report_file[256];      /* "": stderr. Its ending says what: .json, .folded, else text */
    int signal;                 /* 0: none */
    int exit_status;            /* 0: as the program says; else this, if it would have been 0 and there were leaks */
    char suppress[256];         /* a file; "": none */
    int64_t hung, min_age;      /* ns (60 s, 0) */
    char text[256];             /* as it was given */
};

/* 0, -EINVAL or -ENOTSUP (a signal where there are none), with a message that names the word and says what would be right; for a word that isn't
 * known it lists the known ones. `from` names the source in the message ("debug", "WEIR_DEBUG"). NULL and "" ask for nothing. */
int spec_parse(struct spec *out, const char *text, const char *from);

/* The config's text, else the environment's (which privileged programs ignore), else the build's default (WEIR_DEBUG_DEFAULT). */
int spec_choose(struct spec *out, const char *config);

/* Does it ask for anything that needs a track? */
static inline bool spec_asks(const struct spec *s) { return s->tracker != TRACKER_NONE || s->guard || s->journal; }

#endif
