/* symbols.c - the files that know a module's lines: found, verified, kept.
 *
 * Purpose    say file and line of an address that was written down by a process that may be dead, whose program may be stripped, moved or rebuilt.
 * Invariant  nothing is read from a file whose build id is not the one that the process wrote down: an answer is right or there is none. A module
 *            that has no build id can't be verified and is refused.
 * Where      the module's path; the same as its process sees it (/proc/PID: also when the file was replaced, or lies in a container); by
 *            build id in DIR/.build-id of the caller's directory and of /usr/lib/debug; by name in the caller's directory. The first that has
 *            the right build id and debug information, its own or by libdwfl's rules in another file (build id, .gnu_debuglink), serves.
 * Threads    one
 * Wrong      a segment may name any path: what is no plain file is not opened for reading, and no server is asked unless the user said so.
 */
#include "symbols.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symbols_place.h"

static const char symbols_usual[] = "/usr/lib/debug";

struct known {                          /* one module, by build id and path */
    struct known *next;
    struct debug_module module;
    char *path;
    Dwfl *dwfl;                         /* NULL: refused */
    Dwfl_Module *file;
    const char *why;                    /* it is refused, or its addresses have no lines */
};

struct symbols {
    char directory[PATH_MAX];           /* the caller's; "" */
    char search[PATH_MAX + 64], *search_at;     /* as libdwfl wants it */
    Dwfl_Callbacks callbacks;
    struct known *first;
};

/* -- a candidate --------------------------------------------------------------------------------------------------------------- */

static int symbols__open_file(const char *path)
{
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file >= 0 && (fstat(file, &about) || !S_ISREG(about.st_mode))) {
        close(file);
        return -1;
    }
    return file;
}

static bool symbols__is_right(Dwfl_Module *file, const struct debug_module *module)
{
    const unsigned char *id = NULL;
    GElf_Addr at;
    int n = dwfl_module_build_id(file, &id, &at);
    return n > 0 && (unsigned)n >= module->id_bytes && memcmp(id, module->build_id, module->id_bytes) == 0;
}

/* Opens the candidate as the module. true: it has lines, look no further. A right one without lines is kept until a better one comes. */
static bool symbols__try(struct symbols *s, struct known *k, const char *path)
{
    int fd = symbols__open_file(path);
    Dwfl *dwfl = fd >= 0 ? dwfl_begin(&s->callbacks) : NULL;
    Dwfl_Module *file = dwfl ? dwfl_report_elf(dwfl, path, path, fd, 0, true) : NULL;
    Dwarf_Addr bias;
    if (!file) {                        /* who reports takes the descriptor, if that goes well */
        if (fd >= 0)
            close(fd);
        dwfl_end(dwfl);
        return false;
    }
    dwfl_report_end(dwfl, NULL, NULL);
    if (!symbols__is_right(file, &k->module)) {
        k->why = k->dwfl ? k->why : "build id differs: the file was rebuilt or replaced since";
        dwfl_end(dwfl);
        return false;
    }
    if (k->dwfl && !dwfl_module_getdwarf(file, &bias)) {
        dwfl_end(dwfl);
        return false;
    }
    dwfl_end(k->dwfl);
    k->dwfl = dwfl;
    k->file = file;
    k->why = dwfl_module_getdwarf(file, &bias) ? NULL : "no debug information: give its debug file's directory";
    return !k->why;
}

/* -- where a module may lie ---------------------------------------------------------------------------------------------------- */

static bool symbols__by_id(struct symbols *s, struct known *k, const char *directory)
{
    static const char *const endings[] = { ".debug", "" };
    char path[PATH_MAX], id[2 * sizeof k->module.build_id + 1] = "";
    if (!*directory)
        return false;
    for (uint32_t i = 0; i < k->module.id_bytes; i++)
        snprintf(id + 2 * i, 3, "%02x", k->module.build_id[i]);
    for (int i = 0; i < 2; i++)
        if (snprintf(path, sizeof path, "%s/.build-id/%.2s/%s%s", directory, id, id + 2, endings[i]) < (int)sizeof path &&
            symbols__try(s, k, path))
            return true;
    return false;
}

static bool symbols__by_name(struct symbols *s, struct known *k)
{
    static const char *const endings[] = { "", ".debug" };
    const char *name = strrchr(k->path, '/');
    char path[PATH_MAX];
    name = name ? name + 1 : k->path;
    for (int i = 0; i < 2 && *s->directory; i++)
        if (snprintf(path, sizeof path, "%s/%s%s", s->directory, name, endings[i]) < (int)sizeof path && symbols__try(s, k, path))
            return true;
    return false;
}

static bool symbols__by_process(struct symbols *s, struct known *k)
{
    char path[PATH_MAX];
    if (k->module.pid <= 0)
        return false;
    snprintf(path, sizeof path, "/proc/%" PRId64 "/exe", k->module.pid);
    if (symbols__try(s, k, path))
        return true;
    return snprintf(path, sizeof path, "/proc/%" PRId64 "/root%s", k->module.pid, k->path) < (int)sizeof path && symbols__try(s, k, path);
}

static void symbols__find(struct symbols *s, struct known *k)
{
    k->why = "no build id: can't tell whether a file is the one that ran (link with -Wl,--build-id)";
    if (!k->module.id_bytes || k->module.id_bytes > sizeof k->module.build_id)
        return;
    k->why = "no such file: give the directory of its debug file";
    (void)(symbols__try(s, k, k->path) || symbols__by_process(s, k) || symbols__by_id(s, k, s->directory) ||
           symbols__by_id(s, k, symbols_usual) || symbols__by_name(s, k));
}

static struct known *symbols__known(struct symbols *s, const struct debug_module *module, const char *path)
{
    struct known *k = s->first;
    while (k && (k->module.id_bytes != module->id_bytes || memcmp(k->module.build_id, module->build_id, sizeof module->build_id) ||
                 strcmp(k->path, path)))
        k = k->next;
    if (k)
        return k;
    k = calloc(1, sizeof *k);
    if (!k || !(k->path = strdup(path))) {
        free(k);
        return NULL;
    }
    k->module = *module;
    k->next = s->first;
    s->first = k;
    symbols__find(s, k);
    return k;
}

/* -- what others call ---------------------------------------------------------------------------------------------------------- */

bool symbols_built(void) { return true; }

struct symbols *symbols_open(const char *debug_dir, bool servers)
{
    struct symbols *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    if (debug_dir && !realpath(debug_dir, s->directory))
        s->directory[0] = '\0';
    if (!servers)
        unsetenv("DEBUGINFOD_URLS");    /* libdwfl asks them of itself */
    snprintf(s->search, sizeof s->search, ":%s%s.debug:%s", s->directory, *s->directory ? ":" : "", symbols_usual);
    s->search_at = s->search;
    s->callbacks = (Dwfl_Callbacks){
        .find_elf = dwfl_build_id_find_elf,
        .find_debuginfo = dwfl_standard_find_debuginfo,
        .section_address = dwfl_offline_section_address,
        .debuginfo_path = &s->search_at,
    };
    return s;
}

void symbols_close(struct symbols *s)
{
    struct known *k = s ? s->first : NULL;
    while (k) {
        struct known *next = k->next;
        dwfl_end(k->dwfl);
        free(k->path);
        free(k);
        k = next;
    }
    free(s);
}

bool symbols_resolve(const struct debug_module *module, const char *path, uint64_t offset, struct report_symbol *out, void *arg)
{
    struct symbols *s = arg;
    struct known *k = s && offset ? symbols__known(s, module, path) : NULL;
    *out = (struct report_symbol){ .line = 0 };
    return k && k->dwfl && symbols_place(k->file, offset - 1, out);
}

void symbols_each_refused(const struct symbols *s, void (*fn)(const char *path, const char *why, void *arg), void *arg)
{
    for (const struct known *k = s ? s->first : NULL; k; k = k->next)
        if (k->why)
            fn(k->path, k->why, arg);
}
