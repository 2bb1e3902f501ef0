/* src/os/linux_segment.c - the segments of os.h on Linux: files "weir.<name>" in /dev/shm.
 *
 * Theory. The range in front of the mapping and the mapping's own are reserved as one, and the file is mapped over its end: whatever a thread maps
 * meanwhile can't come between. ftruncate alone promises no memory: the first touch of a page that a full file system can't give is SIGBUS, so
 * os_segment_allocate takes it before by fallocate. The kernel takes all of a call back when a signal comes: after one, it is asked for half as much, or
 * a program with a profiler's timer would never come to the end.
 *
 * The file stays open for that. A program that closes all descriptors it doesn't know (a daemon does) closes ours too, and may open another file by
 * that number: so the file is compared (device and inode) before each use, and if it isn't ours any more, the memory is asked for through the mapping.
 *
 * A file's size is set before its mode: until then only its owner can open it, and sees that it is being made. Trust: whoever owns a file can cut or change
 * it under our hands, so only files of this user and of root are opened; root may read all.
 *
 *   create, open, each, unlink    any at once; of two creates one gets -EEXIST
 *   allocate, punch               any at once, on other parts or the same
 *   close, private_copy           alone on their segment
 *   progress: system calls; allocate and private_copy take time by the byte
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "common.h"
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINUX_SEGMENTS "/dev/shm"

/* Values that old headers lack, or that are only in the kernel's own. */
enum {
    LINUX_PUNCH_HOLE = 1 | 2,                   /* and keep the size */
    LINUX_SEEK_DATA = 3,
    LINUX_SEEK_HOLE = 4,
    LINUX_POPULATE_WRITE = 23,
    LINUX_PIECE = 1 << 18                       /* the least that is allocated at once: some tens of microseconds */
};

struct linux_entry {                            /* what getdents64 gives */
    uint64_t inode;
    int64_t offset;
    uint16_t bytes;
    uint8_t type;
    char name[];
};

int os_segment_path(const char *name, char *out, size_t size)
{
    int error = common_name(name);
    if (error)
        return error;
    if (strlen(LINUX_SEGMENTS "/" COMMON_PREFIX) + strlen(name) >= size)
        return -ENAMETOOLONG;
    strcpy(out, LINUX_SEGMENTS "/" COMMON_PREFIX);
    strcat(out, name);
    return 0;
}

static void linux__close(long file)
{
    (void)linux_call(SYS_close, file, 0, 0, 0, 0, 0);
}

static int linux__status(long file, struct stat *out)
{
    int saved = errno;
    int error = fstat((int)file, out) == 0 ? 0 : -errno;
    errno = saved;
    return error;
}

static bool linux__is_ours(const struct os_segment *s)
{
    struct stat status;
    return s->file >= 0 && linux__status(s->file, &status) == 0 && status.st_dev == s->identity[0] && status.st_ino == s->identity[1];
}

static size_t linux__whole(size_t bytes)
{
    size_t page = os_page_size();
    return (bytes + page - 1) / page * page;
}

/* Reserves both parts and maps the file over the second. */
static int linux__map(struct os_segment *out, long file, const struct stat *status, size_t before, bool write)
{
    void *range;
    size_t bytes = (size_t)status->st_size;
    if (bytes > PTRDIFF_MAX - before - os_page_size())
        return -ENOMEM;
    int error = os_reserve(&range, before + linux__whole(bytes), os_page_size());
    if (error)
        return error;
    int saved = errno;
    void *base = mmap((char *)range + before, linux__whole(bytes), write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED | MAP_FIXED, (int)file, 0);
    error = base == MAP_FAILED ? -errno : 0;
    errno = saved;
    if (error) {
        os_release(range, before + linux__whole(bytes));
        return error;
    }
    *out = (struct os_segment){.base = base, .bytes = bytes, .before = before, .file = file, .identity = {status->st_dev, status->st_ino}};
    return 0;
}

/* A size over RLIMIT_FSIZE is a signal that kills. */
static int linux__resize(long file, size_t bytes)
{
    struct rlimit limit;
    int saved = errno;
    bool over = getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && bytes > limit.rlim_cur;
    errno = saved;
    return over || bytes > PTRDIFF_MAX ? -EFBIG : (int)linux_call(SYS_ftruncate, file, (long)bytes, 0, 0, 0, 0);
}

int os_segment_create(struct os_segment *out, const char *name, size_t bytes, size_t before, unsigned mode)
{
    char path[256];
    struct stat status;
    int error = os_segment_path(name, path, sizeof path);
    if (error)
        return error;
    long file = linux_call(SYS_openat, AT_FDCWD, (long)path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600, 0, 0);
    if (file < 0)
        return (int)file;
    error = linux__resize(file, bytes);
    if (error == 0)
        error = (int)linux_call(SYS_fchmod, file, (long)mode, 0, 0, 0, 0);
    if (error == 0)
        error = linux__status(file, &status);
    if (error == 0)
        error = linux__map(out, file, &status, before, true);
    if (error) {
        (void)linux_call(SYS_unlinkat, AT_FDCWD, (long)path, 0, 0, 0, 0);
        linux__close(file);
    }
    return error;
}

static int linux__trust(const struct stat *status, bool write)
{
    uid_t we = geteuid();
    if (!S_ISREG(status->st_mode))
        return -EINVAL;
    if (status->st_uid != we && status->st_uid != 0 && (write || we != 0))
        return -EACCES;
    return status->st_size > 0 ? 0 : -EAGAIN;
}

/* O_NONBLOCK: a fifo of that name would wait for its other end. */
int os_segment_open(struct os_segment *out, const char *name, size_t before, bool write)
{
    char path[256];
    struct stat status;
    int error = os_segment_path(name, path, sizeof path);
    if (error)
        return error;
    long file = linux_call(SYS_openat, AT_FDCWD, (long)path, (write ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0, 0, 0);
    if (file < 0)
        return file == -ELOOP || file == -EISDIR || file == -ENXIO ? -EINVAL : (int)file;
    error = linux__status(file, &status);
    if (error == 0)
        error = linux__trust(&status, write);
    if (error == 0)
        error = linux__map(out, file, &status, before, write);
    if (error)
        linux__close(file);
    return error;
}

static int linux__allocate_piece(const struct os_segment *s, bool ours, size_t at, size_t bytes)
{
    if (ours)
        return (int)linux_call(SYS_fallocate, s->file, 0, (long)at, (long)bytes, 0, 0);
    int error = linux_advise((char *)s->base + at, bytes, LINUX_POPULATE_WRITE);
    return error == -EFAULT ? -ENOSPC : error;                  /* what a touch would have been killed for */
}

static bool linux__within(const struct os_segment *s, size_t at, size_t bytes)
{
    return at <= s->bytes && bytes <= s->bytes - at;
}

int os_segment_allocate(const struct os_segment *s, size_t at, size_t bytes)
{
    if (!common_may_commit())
        return -ENOSPC;
    if (!linux__within(s, at, bytes))
        return -EINVAL;
    bool ours = linux__is_ours(s);
    size_t end = at + bytes, piece = bytes;
    int error = 0;
    while (s->file >= 0 && error == 0 && at < end) {
        size_t now = end - at < piece ? end - at : piece;
        error = linux__allocate_piece(s, ours, at, now);
        if (error == 0) {
            at += now;
        } else if (error == -EINTR) {
            piece = piece > LINUX_PIECE ? piece / 2 : piece;
            error = 0;
        }
    }
    return error;
}

int os_segment_punch(const struct os_segment *s, size_t at, size_t bytes)
{
    if (!linux__within(s, at, bytes))
        return -EINVAL;
    if (bytes == 0)
        return 0;
    if (s->file < 0)
        return os_discard((char *)s->base + at, bytes);
    if (!linux__is_ours(s))
        return linux_advise((char *)s->base + at, bytes, MADV_REMOVE);
    long error;
    do {
        error = linux_call(SYS_fallocate, s->file, LINUX_PUNCH_HOLE, (long)at, (long)bytes, 0, 0);
    } while (error == -EINTR);
    return (int)error;
}

void os_segment_close(struct os_segment *s)
{
    os_release((char *)s->base - s->before, s->before + linux__whole(s->bytes));
    if (linux__is_ours(s))
        linux__close(s->file);
    s->base = NULL;
    s->file = -1;
}

/* -- a copy of one's own ------------------------------------------------------------------------------------------------ */

static int linux__read_at(long file, char *out, size_t at, size_t bytes)
{
    while (bytes > 0) {
        long got = linux_call(SYS_pread64, file, (long)out, (long)bytes, (long)at, 0, 0);
        if (got == 0)
            return 0;                           /* it was cut: zeroes */
        if (got < 0 && got != -EINTR)
            return (int)got;
        if (got > 0) {
            out += got;
            at += (size_t)got;
            bytes -= (size_t)got;
        }
    }
    return 0;
}

/* The parts that hold data alone: reading a hole of the mapping would give it memory. */
static int linux__copy(long file, char *out, size_t bytes)
{
    int error = 0;
    for (size_t at = 0; at < bytes && error == 0;) {
        long data = linux_call(SYS_lseek, file, (long)at, LINUX_SEEK_DATA, 0, 0, 0);
        if (data < 0)
            return data == -ENXIO ? 0 : (int)data;
        long hole = linux_call(SYS_lseek, file, data, LINUX_SEEK_HOLE, 0, 0, 0);
        if (hole < 0)
            return hole == -ENXIO ? 0 : (int)hole;
        if ((size_t)data >= bytes)
            return 0;
        at = (size_t)hole < bytes ? (size_t)hole : bytes;
        error = linux__read_at(file, out + data, (size_t)data, at - (size_t)data);
    }
    return error;
}

/* The copy is made beside and then moved over the shared mapping in one step. The place of lseek is the parent's too, which never looks at it. */
int os_segment_private_copy(struct os_segment *s)
{
    size_t whole = linux__whole(s->bytes);
    int saved = errno;
    if (s->file < 0)
        return 0;
    if (!linux__is_ours(s))
        return -EBADF;
    char *copy = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int error = copy == MAP_FAILED ? -ENOMEM : linux__copy(s->file, copy, s->bytes);
    if (error == 0 && mremap(copy, whole, whole, MREMAP_MAYMOVE | MREMAP_FIXED, s->base) == MAP_FAILED)
        error = -errno;
    if (error && copy != MAP_FAILED)
        os_release(copy, whole);
    errno = saved;
    if (error)
        return error;
    linux__close(s->file);
    s->file = -1;
    return 0;
}

/* -- names -------------------------------------------------------------------------------------------------------------- */

int os_segment_unlink(const char *name)
{
    char path[256];
    int error = os_segment_path(name, path, sizeof path);
    return error ? error : (int)linux_call(SYS_unlinkat, AT_FDCWD, (long)path, 0, 0, 0, 0);
}

static int linux__each_of(const char *entries, long bytes, int (*fn)(const char *name, void *arg), void *arg)
{
    int answer = 0;
    for (long at = 0; at < bytes && answer == 0;) {
        const struct linux_entry *entry = (const void *)(entries + at);
        at += entry->bytes;
        if (strncmp(entry->name, COMMON_PREFIX, strlen(COMMON_PREFIX)) == 0 && common_name(entry->name + strlen(COMMON_PREFIX)) == 0)
            answer = fn(entry->name + strlen(COMMON_PREFIX), arg);
    }
    return answer;
}

int os_segment_each(int (*fn)(const char *name, void *arg), void *arg)
{
    _Alignas(8) char entries[4096];
    long directory = linux_call(SYS_openat, AT_FDCWD, (long)LINUX_SEGMENTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
    if (directory < 0)
        return (int)directory;
    long bytes;
    int answer = 0;
    while (answer == 0 && (bytes = linux_call(SYS_getdents64, directory, (long)entries, sizeof entries, 0, 0, 0)) != 0)
        answer = bytes < 0 ? (int)bytes : linux__each_of(entries, bytes, fn, arg);
    linux__close(directory);
    return answer;
}
