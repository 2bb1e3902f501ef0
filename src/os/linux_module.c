/* src/os/linux_module.c - what is in the process on Linux: modules, stacks, the environment; and page protection.
 *
 * Theory. The loader's list says which module's segments an address lies in, where that was loaded and where its notes are; the build id is a note of the
 * linker's. The loader holds its lock meanwhile, so this must not be called from a signal handler. Stacks are the C library's: glibc's walks the
 * unwind tables of libgcc_s, which it loads at its first call (and allocates then); musl has none.
 *
 *   any function x any function: at once.   progress: os_module_of takes the loader's lock; os_stack the time of a walk
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "linux.h"
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#ifdef __GLIBC__
#include <execinfo.h>
#endif

enum { LINUX_FRAMES = 96, LINUX_BUILD_ID = 3 };

struct linux_wanted {
    uintptr_t address;
    struct os_module *out;
};

/* A note: three words (bytes of its name, bytes of what it says, its kind), the name, what it says, both filled up to 4 bytes. */
static void linux__build_id(const char *at, size_t bytes, struct os_module *out)
{
    uint32_t head[3];
    while (bytes >= sizeof head) {
        memcpy(head, at, sizeof head);
        size_t name = (head[0] + (size_t)3) / 4 * 4, says = (head[1] + (size_t)3) / 4 * 4;
        if (name > bytes - sizeof head || says > bytes - sizeof head - name)
            return;
        if (head[2] == LINUX_BUILD_ID && head[0] == 4 && memcmp(at + sizeof head, "GNU", 4) == 0 && head[1] > 0) {
            out->id_bytes = head[1] < sizeof out->build_id ? head[1] : (unsigned)sizeof out->build_id;
            memcpy(out->build_id, at + sizeof head + name, out->id_bytes);
            return;
        }
        at += sizeof head + name + says;
        bytes -= sizeof head + name + says;
    }
}

/* A path that is too long leaves the file's name, so that it can be looked for. */
static void linux__path(const char *path, struct os_module *out)
{
    const char *last = strrchr(path, '/');
    if (strlen(path) >= sizeof out->path && last != NULL)
        path = last + 1;
    size_t bytes = strlen(path) < sizeof out->path ? strlen(path) : sizeof out->path - 1;
    memcpy(out->path, path, bytes);
    out->path[bytes] = 0;
}

static void linux__program_path(struct os_module *out)
{
    char path[4096];
    long bytes = linux_call(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)path, sizeof path - 1, 0, 0);
    path[bytes > 0 ? bytes : 0] = 0;
    linux__path(path, out);
}

static bool linux__loaded(const struct dl_phdr_info *info, uintptr_t address)
{
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && address - (info->dlpi_addr + part->p_vaddr) < part->p_memsz)
            return true;
    }
    return false;
}

static int linux__module(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct linux_wanted *wanted = arg;
    (void)size;
    if (!linux__loaded(info, wanted->address))
        return 0;
    *wanted->out = (struct os_module){.base = info->dlpi_addr};
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t notes = info->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_NOTE && wanted->out->id_bytes == 0 && part->p_memsz > 0 && linux__loaded(info, notes + part->p_memsz - 1))
            linux__build_id((const char *)notes, part->p_memsz, wanted->out);
    }
    if (info->dlpi_name && *info->dlpi_name)
        linux__path(info->dlpi_name, wanted->out);
    else
        linux__program_path(wanted->out);
    return 1;
}

/* The loader's own lock is not one that a fork takes: a child that was forked off meanwhile would never find it open. */
static struct os_lock linux__module_lock;

void os_module_hold(void)
{
    os_lock(&linux__module_lock);
}

void os_module_let_go(void)
{
    os_unlock(&linux__module_lock);
}

int os_module_of(const void *address, struct os_module *out)
{
    struct linux_wanted wanted = {(uintptr_t)address, out};
    int saved = errno;
    int found;
    os_module_hold();
    found = dl_iterate_phdr(linux__module, &wanted);
    os_module_let_go();
    errno = saved;
    return found ? 0 : -ENOENT;
}

#ifdef __GLIBC__
/* Our caller's frames, up to `from`, come first: room for some of them is taken, too. */
unsigned os_stack(const void **out, unsigned n, const void *from)
{
    void *all[LINUX_FRAMES];
    int saved = errno;
    int most = n < LINUX_FRAMES - 16 ? (int)n + 16 : LINUX_FRAMES;
    int got = backtrace(all, most);
    errno = saved;
    int first = 0;
    while (first < got && all[first] != from)
        first++;
    if (first == got)
        first = 0;
    unsigned frames = 0;
    while (frames < n && first < got)
        out[frames++] = all[first++];
    return frames;
}
#else
unsigned os_stack(const void **out, unsigned n, const void *from)
{
    (void)out;
    (void)n;
    (void)from;
    return 0;
}
#endif

const char *os_environment(const char *name)
{
    return secure_getenv(name);
}

int os_protect(void *base, size_t bytes, bool accessible)
{
    return linux_protect(base, bytes, accessible ? PROT_READ | PROT_WRITE : PROT_NONE);
}
