/* debug/report_private.h - what the files of reports share: the text on its way out, places and holders as text, and what one report has gathered.
 *
 * report.c goes once over the followed objects and hands each leak to the form, which writes at once (JSON) or gathers (text, folded) and writes at the
 * end. All memory is one piece of os_pages, taken at the beginning. threads: one a report.
 */
#ifndef WEIR_DEBUG_REPORT_PRIVATE_H
#define WEIR_DEBUG_REPORT_PRIVATE_H

#include <stddef.h>
#include "report.h"
#include "suppress.h"

/* -- report_out.c: text on its way out ------------------------------------------------------------------------------------- */

struct report_writer {
    const struct report_out *out;
    size_t used;
    char buffer[1024];
};

#ifdef __GNUC__
#define REPORT_PRINTF(at) __attribute__((format(printf, (at), (at) + 1)))
#else
#define REPORT_PRINTF(at)
#endif

void report_put(struct report_writer *w, const char *text);
void report_print(struct report_writer *w, const char *format, ...) REPORT_PRINTF(2);   /* at most 511 bytes */
void report_flush(struct report_writer *w);
void report_clean(struct report_writer *w, const char *text, char instead);     /* control bytes and `instead`'s (';' of stacks) become harmless */
void report_json(struct report_writer *w, const char *text);                    /* as a JSON string, with its quotes */
void report_seconds(struct report_writer *w, int64_t ns);                       /* "93.5 s"; no locale has a say in it */

/* -- report_place.c: places and holders as text ----------------------------------------------------------------------------- */

struct report_place {
    char file[256];                     /* "": only an address is known */
    int line;
    char function[192];                 /* with no file: module+0xoffset */
    char build_id[41];                  /* of that module; "": it has none, or the file is known */
};

struct report_name {
    char name[64];                      /* as it called itself, or "thread N" */
    int64_t pid, tid;
    enum weir_holder_state state;
    bool known, foreign;                /* foreign: of another process than the segment's owner */
    bool ended;                         /* its thread ended in good order */
    int64_t silent;                     /* ns since its last sign */
};

enum { REPORT_FRAMES = DEBUG_STACK };
struct report_scope {                   /* what is needed to name things */
    struct reader *r;
    report_resolve_fn resolve;
    void *resolve_arg;
};
/* The place itself, of a stack the innermost one. 0: site is not known, else the number of frames. */
unsigned report_site(const struct report_scope *s, uint32_t site, struct report_place *out);
void report_frame(const struct report_scope *s, uint32_t site, unsigned frame, struct report_place *out);       /* frame 0: innermost */
/* Where a holder took: its token's site; of plain calls, whose tokens have none, the places of the object's last and first take, the likelier one first. How
 * many: 0 to 2. */
unsigned report_taken_at(const struct report_scope *s, const struct reader_object *o, const struct reader_holder *h, uint32_t out[2]);
bool report_site_is_hold(const struct report_scope *s, uint32_t site);          /* written down by a hold, not by a plain call */
void report_holder(const struct report_scope *s, uint32_t holder, struct report_name *out);

bool report_is_of_the_dead(struct reader *r, const struct reader_object *o);    /* somebody dead, or a zombie, holds a reference */

extern const char *const report_states[], *const report_certainties[];

/* -- one report ------------------------------------------------------------------------------------------------------------- */

enum { REPORT_SINGLES = 10, REPORT_GROUPS = 20, REPORT_WHO = 5 };

struct report_by_site {                 /* of all leaks, by site */
    uint64_t refs;
    uint32_t objects, last;             /* last: the object that was counted last, plus one */
    int64_t youngest, oldest;           /* ns */
};

enum { REPORT_PAIRS = 16384, REPORT_PROBES = 64 };
struct report_pair {                    /* by site and holder, found by its hash; refs 0: nobody's */
    uint64_t refs;
    uint32_t site, holder;
};

struct report {
    struct report_scope scope;
    const struct report_options *options;
    struct report_result *result;
    struct report_writer w;
    struct suppress *rules;             /* NULL: none */
    struct suppress own_rules;
    struct report_by_site *by_site;     /* [sites] */
    struct report_pair *pair;           /* [REPORT_PAIRS] */
    struct reader_object oldest[REPORT_SINGLES];
    unsigned oldest_n;
    uint64_t refs, unnamed;             /* unnamed: of these, those without a holder */
    int64_t oldest_age;
    uint32_t certified;
    size_t bytes;                       /* of all this, and of the arrays behind it */
};

struct report_writer_form {
    void (*begin)(struct report *p);
    void (*leak)(struct report *p, const struct reader_object *o);
    void (*end)(struct report *p);
};
extern const struct report_writer_form report_text, report_json_form, report_folded;

void report_unused(struct report *p, void (*say)(struct report *p, const struct suppress_rule *rule, bool first));

#endif
