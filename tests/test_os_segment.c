/* tests/test_os_segment.c - os.h's segments: names, rights, sizes, memory taken before use and given back, a copy of one's own. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* unshare */
#endif
#include "os_support.h"

#ifndef _WIN32
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#endif

/* A name of this process's own; what an earlier run of the same pid left is gone. */
static const char *fresh(const char *what)
{
    static char name[8][64];
    static unsigned at;
    char *out = name[at++ % 8];
    snprintf(out, sizeof name[0], "test.%lld.%s", (long long)os_pid(), what);
    (void)os_segment_unlink(out);
    return out;
}

static struct os_segment created(const char *name, size_t bytes, size_t before)
{
    struct os_segment s;
    assert_int_equal(os_segment_create(&s, name, bytes, before, 0600), 0);
    assert_int_equal(s.bytes, bytes);
    assert_int_equal(s.before, before);
    return s;
}

static void what_one_mapping_writes_another_reads(void **state)
{
    (void)state;
    const char *name = fresh("two");
    struct os_segment a = created(name, MIB, 0), b;
    assert_true(all_bytes_are(a.base, MIB, 0));
    assert_int_equal(os_segment_open(&b, name, 0, true), 0);
    assert_int_equal(b.bytes, MIB);
    assert_ptr_not_equal(a.base, b.base);
    memset((char *)a.base + 5000, 7, 100);
    assert_true(all_bytes_are((unsigned char *)b.base + 5000, 100, 7));
    memset((char *)b.base + 5000, 9, 100);
    assert_true(all_bytes_are((unsigned char *)a.base + 5000, 100, 9));
    os_segment_close(&a);
    assert_int_equal(os_segment_unlink(name), 0);
    assert_true(all_bytes_are((unsigned char *)b.base + 5000, 100, 9));
    os_segment_close(&b);
}

static void a_name_is_made_once_and_free_again_after_unlink(void **state)
{
    (void)state;
    const char *name = fresh("once");
    struct os_segment a = created(name, 65536, 0), b;
    assert_int_equal(os_segment_create(&b, name, 65536, 0, 0600), -EEXIST);
    memset(a.base, 7, 65536);
    assert_int_equal(os_segment_unlink(name), 0);
    assert_int_equal(os_segment_open(&b, name, 0, false), -ENOENT);
    assert_int_equal(os_segment_unlink(name), -ENOENT);
    b = created(name, 65536, 0);
    assert_true(all_bytes_are(b.base, 65536, 0));
    os_segment_close(&a);
    os_segment_close(&b);
    assert_int_equal(os_segment_unlink(name), 0);
}

static void the_contents_outlive_every_mapping(void **state)
{
    (void)state;
    const char *name = fresh("outlive");
    struct os_segment s = created(name, MIB, 0);
    memset((char *)s.base + MIB - 10, 3, 10);
    os_segment_close(&s);
    assert_int_equal(os_segment_open(&s, name, 0, false), 0);
    assert_true(all_bytes_are((unsigned char *)s.base + MIB - 10, 10, 3));
    os_segment_close(&s);
    assert_int_equal(os_segment_unlink(name), 0);
}

static void bad_names_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a/b", "../passwd", "a\\b", "a:b", "a\nb", "a*"};
    char name[300], path[256];
    struct os_segment s;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(os_segment_create(&s, bad[i], 4096, 0, 0600), -EINVAL);
        assert_int_equal(os_segment_open(&s, bad[i], 0, true), -EINVAL);
        assert_int_equal(os_segment_unlink(bad[i]), -EINVAL);
        assert_int_equal(os_segment_path(bad[i], path, sizeof path), -EINVAL);
    }
    memset(name, 'n', sizeof name);
    name[201] = 0;
    assert_int_equal(os_segment_create(&s, name, 4096, 0, 0600), -ENAMETOOLONG);
    name[3] = 0;
    assert_int_equal(os_segment_path(name, path, 5), -ENAMETOOLONG);
    assert_int_equal(os_segment_path(name, path, sizeof path), 0);
    assert_non_null(strstr(path, "weir.nnn"));
}

static void private_pages_lie_in_front_in_every_mapping(void **state)
{
    (void)state;
    const char *name = fresh("before");
    size_t page = os_page_size();
    struct os_segment a = created(name, MIB, 16 * page), b;
    assert_int_equal(os_segment_open(&b, name, 32 * page, true), 0);
    for (int i = 0; i < 2; i++) {
        struct os_segment *s = i ? &b : &a;
        unsigned char *front = (unsigned char *)s->base - s->before;
        assert_int_equal(os_commit(front, s->before), 0);
        assert_true(all_bytes_are(front, s->before, 0));
        memset(front, 5 + i, s->before);
    }
    assert_true(all_bytes_are(a.base, MIB, 0));
    assert_true(all_bytes_are((unsigned char *)a.base - 16 * page, 16 * page, 5));
    os_segment_close(&a);
    os_segment_close(&b);
    assert_int_equal(os_segment_unlink(name), 0);
}

static void allocate_keeps_contents_and_punched_parts_read_zero(void **state)
{
    (void)state;
    const char *name = fresh("punch");
    struct os_segment s = created(name, 4 * MIB, 0);
    unsigned char *base = s.base;
    assert_int_equal(os_segment_allocate(&s, 0, 4 * MIB), 0);
    memset(base, 7, 4 * MIB);
    assert_int_equal(os_segment_allocate(&s, 0, 4 * MIB), 0);
    assert_true(all_bytes_are(base, 4 * MIB, 7));
    assert_int_equal(os_segment_punch(&s, MIB, MIB), 0);
    assert_true(all_bytes_are(base + MIB, MIB, 0));
    assert_true(all_bytes_are(base, MIB, 7));
    assert_true(all_bytes_are(base + 2 * MIB, 2 * MIB, 7));
    assert_int_equal(os_segment_allocate(&s, MIB, MIB), 0);
    memset(base + MIB, 8, MIB);
    assert_int_equal(os_segment_allocate(&s, 3 * MIB, 2 * MIB), -EINVAL);
    assert_int_equal(os_segment_allocate(&s, SIZE_MAX - 4095, 4096), -EINVAL);
    assert_int_equal(os_segment_punch(&s, 5 * MIB, 0), -EINVAL);
    os_segment_close(&s);
    assert_int_equal(os_segment_unlink(name), 0);
}

static void an_injected_failure_is_enospc(void **state)
{
    (void)state;
    const char *name = fresh("injected");
    struct os_segment s = created(name, MIB, 0);
    os_fail_commit_after(1);
    assert_int_equal(os_segment_allocate(&s, 0, 65536), 0);
    assert_int_equal(os_segment_allocate(&s, 65536, 65536), -ENOSPC);
    os_fail_commit_after(-1);
    assert_int_equal(os_segment_allocate(&s, 65536, 65536), 0);
    os_segment_close(&s);
    assert_int_equal(os_segment_unlink(name), 0);
}

static int counts_ours(const char *name, void *arg)
{
    char mine[32];
    snprintf(mine, sizeof mine, "test.%lld.each", (long long)os_pid());
    *(int *)arg += strncmp(name, mine, strlen(mine)) == 0;
    return 0;
}

static int stops_at_once(const char *name, void *arg)
{
    (void)name;
    *(int *)arg += 1;
    return 42;
}

static void each_names_what_there_is_until_it_is_told_to_stop(void **state)
{
    (void)state;
    const char *name[3] = {fresh("each.a"), fresh("each.b"), fresh("each.c")};
    int n = 0;
    struct os_segment s[3];
    for (int i = 0; i < 3; i++)
        s[i] = created(name[i], 4096, 0);
    assert_int_equal(os_segment_each(counts_ours, &n), 0);
    assert_int_equal(n, 3);
    n = 0;
    assert_int_equal(os_segment_each(stops_at_once, &n), 42);
    assert_int_equal(n, 1);
    for (int i = 0; i < 3; i++) {
        os_segment_close(&s[i]);
        assert_int_equal(os_segment_unlink(name[i]), 0);
    }
    n = 0;
    assert_int_equal(os_segment_each(counts_ours, &n), 0);
    assert_int_equal(n, 0);
}

static void more_than_the_address_space_is_refused(void **state)
{
    (void)state;
    const char *name = fresh("huge");
    struct os_segment s;
    assert_true(os_segment_create(&s, name, SIZE_MAX - 65535, 0, 0600) < 0);
    assert_int_equal(os_segment_open(&s, name, 0, true), -ENOENT);
}

static void a_segment_is_opened_and_closed_a_thousand_times(void **state)
{
    (void)state;
    const char *name = fresh("often");
    struct os_segment s = created(name, 65536, 65536), again;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(os_segment_open(&again, name, 65536, true), 0);
        os_segment_close(&again);
    }
    os_segment_close(&s);
    assert_int_equal(os_segment_unlink(name), 0);
}

#ifndef _WIN32
static const char *path_of(const char *name)
{
    static char path[256];
    assert_int_equal(os_segment_path(name, path, sizeof path), 0);
    return path;
}

static uint64_t blocks_of(const struct os_segment *s)
{
    struct stat status;
    assert_int_equal(fstat((int)s->file, &status), 0);
    return (uint64_t)status.st_blocks * 512;
}

static void the_mode_is_exact_whatever_the_umask(void **state)
{
    (void)state;
    static const unsigned modes[] = {0600, 0660, 0666, 0400};
    mode_t old = umask(0777);
    for (int i = 0; i < 4; i++) {
        struct os_segment s;
        struct stat status;
        const char *name = fresh("mode");
        assert_int_equal(os_segment_create(&s, name, 4096, 0, modes[i]), 0);
        assert_int_equal(stat(path_of(name), &status), 0);
        assert_int_equal(status.st_mode & 07777, modes[i]);
        assert_true(fcntl((int)s.file, F_GETFD) & FD_CLOEXEC);
        os_segment_close(&s);
        assert_int_equal(os_segment_unlink(name), 0);
        umask(i % 2 ? 0777 : 0);
    }
    umask(old);
}

static void what_is_no_plain_file_is_refused(void **state)
{
    (void)state;
    const char *name = fresh("odd");
    struct os_segment s;
    assert_int_equal(symlink("/etc/passwd", path_of(name)), 0);
    assert_int_equal(os_segment_open(&s, name, 0, false), -EINVAL);
    assert_int_equal(os_segment_create(&s, name, 4096, 0, 0600), -EEXIST);
    assert_int_equal(unlink(path_of(name)), 0);
    assert_int_equal(mkfifo(path_of(name), 0600), 0);
    assert_int_equal(os_segment_open(&s, name, 0, false), -EINVAL);
    assert_int_equal(os_segment_open(&s, name, 0, true), -EINVAL);
    assert_int_equal(unlink(path_of(name)), 0);
    assert_int_equal(mkdir(path_of(name), 0700), 0);
    assert_int_equal(os_segment_open(&s, name, 0, false), -EINVAL);
    assert_int_equal(rmdir(path_of(name)), 0);
}

static void one_that_is_being_made_is_eagain(void **state)
{
    (void)state;
    const char *name = fresh("early");
    struct os_segment s;
    int file = open(path_of(name), O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_true(file >= 0);
    assert_int_equal(os_segment_open(&s, name, 0, true), -EAGAIN);
    assert_int_equal(ftruncate(file, 5000), 0);
    assert_int_equal(os_segment_open(&s, name, 0, true), 0);
    assert_int_equal(s.bytes, 5000);
    os_segment_close(&s);
    close(file);
    assert_int_equal(os_segment_unlink(name), 0);
}

/* As another user: 0, or what was wrong. */
static const char *foreign;
static int as_nobody(void)
{
    struct os_segment s;
    if (setgid(65534) || setuid(65534))
        return 1;
    if (os_segment_open(&s, foreign, 0, true) != -EACCES)       /* 0600, root's */
        return 2;
    return os_segment_create(&s, foreign, 4096, 0, 0600) == -EEXIST ? 0 : 3;
}
static int makes_one_as_nobody(void)
{
    struct os_segment s;
    if (setgid(65534) || setuid(65534))
        return 1;
    return os_segment_create(&s, foreign, 4096, 0, 0666) == 0 ? 0 : 2;
}
static int opens_as_a_third(void)
{
    struct os_segment s;
    if (setgid(65533) || setuid(65533))
        return 1;
    if (os_segment_open(&s, foreign, 0, false) != -EACCES || os_segment_open(&s, foreign, 0, true) != -EACCES)
        return 2;
    return 0;
}

static void another_users_segment_is_not_opened_and_root_only_reads_it(void **state)
{
    (void)state;
    struct os_segment s;
    foreign = fresh("foreign");
    if (geteuid() != 0) {
        print_message("missing: another user (this isn't root)\n");
        skip();
    }
    s = created(foreign, 4096, 0);
    assert_int_equal(in_a_child(as_nobody), 0);
    os_segment_close(&s);
    assert_int_equal(os_segment_unlink(foreign), 0);
    assert_int_equal(in_a_child(makes_one_as_nobody), 0);
    assert_int_equal(in_a_child(opens_as_a_third), 0);
    assert_int_equal(os_segment_open(&s, foreign, 0, true), -EACCES);
    assert_int_equal(os_segment_open(&s, foreign, 0, false), 0);
    os_segment_close(&s);
    assert_int_equal(os_segment_unlink(foreign), 0);
}

/* The limit of a file's size kills by a signal who asks the kernel for more. */
static int over_the_limit(void)
{
    struct os_segment s;
    struct rlimit limit = {MIB, MIB};
    const char *name = fresh("limit");
    if (setrlimit(RLIMIT_FSIZE, &limit))
        return 1;
    if (os_segment_create(&s, name, 2 * MIB, 0, 0600) != -EFBIG)
        return 2;
    if (os_segment_open(&s, name, 0, true) != -ENOENT)
        return 3;
    if (os_segment_create(&s, name, MIB, 0, 0600) != 0 || os_segment_allocate(&s, 0, MIB) != 0)
        return 4;
    return os_segment_unlink(name) == 0 ? 0 : 5;
}

static void over_the_limit_of_a_files_size_is_an_error_and_no_signal(void **state)
{
    (void)state;
    assert_int_equal(in_a_child(over_the_limit), 0);
}

/* Older kernels take all of an fallocate back when a signal comes, as a profiler sends them all the time. Here the kernel is told to be so to each that asks for
 * more than 1 MiB at once, however often: 0, or what was wrong. */
static int is_interrupted(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fallocate, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 1 << 20, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINTR),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    struct os_segment s;
    struct stat status;
    const char *name = fresh("interrupted");
    alarm(20);
    if (os_segment_create(&s, name, 32 * MIB, 0, 0600))
        return 1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0))
        return os_segment_unlink(name) ? 2 : 99;
    int error = os_segment_allocate(&s, 0, 20 * MIB + 4096);
    if (os_segment_unlink(name) || error || fstat((int)s.file, &status))
        return 3;
    return (size_t)status.st_blocks * 512 == 20 * MIB + 4096 ? 0 : 4;
}

static void allocate_comes_to_its_end_though_it_is_interrupted(void **state)
{
    (void)state;
    int wrong = in_a_child(is_interrupted);
    if (wrong == 99) {
        print_message("missing: a filter of system calls\n");
        skip();
    }
    assert_int_equal(wrong, 0);
}

/* In a mount namespace of its own, with 4 MiB of /dev/shm. */
static int in_a_small_file_system(void)
{
    struct os_segment s;
    struct stat status;
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("weir", "/dev/shm", "tmpfs", 0, "size=4m"))
        return 99;
    if (os_segment_create(&s, "small", 16 * MIB, 0, 0600))
        return 1;
    if (os_segment_allocate(&s, 0, 16 * MIB) != -ENOSPC)
        return 2;
    if (fstat((int)s.file, &status) || status.st_blocks != 0)       /* all of it was taken back */
        return 3;
    if (os_segment_allocate(&s, 0, 3 * MIB) || (memset(s.base, 7, 3 * MIB), os_segment_allocate(&s, 3 * MIB, 2 * MIB) != -ENOSPC))
        return 4;
    if (os_segment_punch(&s, MIB, 2 * MIB) || os_segment_allocate(&s, 4 * MIB, 2 * MIB))
        return 5;
    memset((char *)s.base + 4 * MIB, 8, 2 * MIB);
#ifdef WEIR_EMULATED
    return 98;
#endif
    (void)close((int)s.file);                                       /* as a daemon does: now through the mapping */
    if (os_segment_allocate(&s, 8 * MIB, 4 * MIB) != -ENOSPC)
        return 6;
    return all_bytes_are(s.base, MIB, 7) && all_bytes_are((unsigned char *)s.base + 4 * MIB, 2 * MIB, 8) ? 0 : 7;
}

static void a_full_file_system_is_enospc_and_no_signal(void **state)
{
    (void)state;
    int wrong = in_a_child(in_a_small_file_system);
    if (wrong == 99) {
        print_message("missing: the right to mount a small /dev/shm\n");
        skip();
    }
#ifdef WEIR_EMULATED
    assert_int_equal(wrong, 98);
    print_message("missing: an emulator whose madvise does anything; without a descriptor it is not tried\n");
    skip();
#endif
    assert_int_equal(wrong, 0);
}

static void a_descriptor_that_the_program_gave_to_another_file_is_left_alone(void **state)
{
    (void)state;
#ifdef WEIR_EMULATED
    print_message("missing: an emulator whose madvise does anything\n");
    skip();
#endif
    const char *name = fresh("stolen");
    char path[] = "/dev/shm/weir-stolen-XXXXXX";
    struct stat status;
    struct os_segment s = created(name, 4 * MIB, 0);
    int other = mkstemp(path), number = (int)s.file;
    assert_true(other >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(dup2(other, number), number);
    assert_int_equal(os_segment_allocate(&s, 0, 2 * MIB), 0);
    memset(s.base, 7, 2 * MIB);
    assert_int_equal(os_segment_punch(&s, MIB, MIB), 0);
    assert_true(all_bytes_are((unsigned char *)s.base + MIB, MIB, 0));
    assert_true(all_bytes_are(s.base, MIB, 7));
    assert_int_equal(fstat(other, &status), 0);
    assert_int_equal(status.st_size, 0);
    assert_int_equal(os_segment_private_copy(&s), -EBADF);
    os_segment_close(&s);
    assert_int_equal(fcntl(number, F_GETFD) >= 0, 1);
    close(number);
    close(other);
    assert_int_equal(os_segment_unlink(name), 0);
}

static struct os_segment forked;
static int copies_and_writes(void)
{
    char *base = forked.base;
    if (os_commit(base - forked.before, forked.before))
        return 1;
    if (os_segment_private_copy(&forked) || forked.base != base || forked.file != -1)
        return 2;
    if (base[0] != 1 || base[100 * MIB] != 2 || base[1000 * MIB] != 0 || *(base - 1) != 0)
        return 3;
    base[0] = base[5 * MIB] = 9;
    if (os_segment_allocate(&forked, 0, 64 * MIB) || os_segment_punch(&forked, 100 * MIB, MIB) || base[100 * MIB] != 0 || base[0] != 9)
        return 4;
    os_segment_close(&forked);
    return 0;
}

static void a_private_copy_has_the_contents_and_shares_nothing(void **state)
{
    (void)state;
    const char *name = fresh("copy");
    forked = created(name, 1024 * MIB, 65536);
    char *base = forked.base;
    base[0] = 1;
    base[100 * MIB] = 2;
    uint64_t blocks = blocks_of(&forked);
    assert_int_equal(in_a_child(copies_and_writes), 0);
    assert_int_equal(base[0], 1);
    assert_int_equal(base[5 * MIB], 0);
    assert_int_equal(base[100 * MIB], 2);
    assert_int_equal(blocks_of(&forked), blocks + os_page_size());      /* what we read just now; the copy took none */
    os_segment_close(&forked);
    assert_int_equal(os_segment_unlink(name), 0);
}

static void a_segment_takes_memory_only_where_it_was_asked_to(void **state)
{
    (void)state;
    const char *name = fresh("sparse");
    struct os_segment s = created(name, 1024 * MIB, 0);
    assert_int_equal(blocks_of(&s), 0);
    assert_int_equal(os_segment_allocate(&s, 512 * MIB, MIB), 0);
    assert_int_equal(blocks_of(&s), MIB);
    assert_int_equal(os_segment_punch(&s, 512 * MIB, MIB), 0);
    assert_int_equal(blocks_of(&s), 0);
    os_segment_close(&s);
    assert_int_equal(os_segment_unlink(name), 0);
}

static void errno_is_left_alone(void **state)
{
    (void)state;
    const char *name = fresh("errno");
    struct os_segment s;
    char path[8];
    int n = 0;
#define LEFT_ALONE(call) do { errno = 77; (void)(call); assert_int_equal(errno, 77); } while (0)
    LEFT_ALONE(os_segment_open(&s, name, 0, true));
    LEFT_ALONE(os_segment_create(&s, name, 4096, 4096, 0600));
    LEFT_ALONE(os_segment_create(&s, name, 4096, 4096, 0600));
    LEFT_ALONE(os_segment_allocate(&s, 0, 4096));
    LEFT_ALONE(os_segment_allocate(&s, 0, 8192));
    LEFT_ALONE(os_segment_punch(&s, 0, 4096));
    LEFT_ALONE(os_segment_each(counts_ours, &n));
    LEFT_ALONE(os_segment_path(name, path, sizeof path));
    LEFT_ALONE(os_segment_private_copy(&s));
    LEFT_ALONE((os_segment_close(&s), 0));
    LEFT_ALONE(os_segment_unlink(name));
    LEFT_ALONE(os_segment_unlink(name));
}
#endif

int main(void)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(what_one_mapping_writes_another_reads),
        cmocka_unit_test(a_name_is_made_once_and_free_again_after_unlink),
        cmocka_unit_test(the_contents_outlive_every_mapping),
        cmocka_unit_test(bad_names_are_refused),
        cmocka_unit_test(private_pages_lie_in_front_in_every_mapping),
        cmocka_unit_test(allocate_keeps_contents_and_punched_parts_read_zero),
        cmocka_unit_test(an_injected_failure_is_enospc),
        cmocka_unit_test(each_names_what_there_is_until_it_is_told_to_stop),
        cmocka_unit_test(more_than_the_address_space_is_refused),
        cmocka_unit_test(a_segment_is_opened_and_closed_a_thousand_times),
#ifndef _WIN32
        cmocka_unit_test(the_mode_is_exact_whatever_the_umask),
        cmocka_unit_test(what_is_no_plain_file_is_refused),
        cmocka_unit_test(one_that_is_being_made_is_eagain),
        cmocka_unit_test(another_users_segment_is_not_opened_and_root_only_reads_it),
        cmocka_unit_test(over_the_limit_of_a_files_size_is_an_error_and_no_signal),
        cmocka_unit_test(allocate_comes_to_its_end_though_it_is_interrupted),
        cmocka_unit_test(a_full_file_system_is_enospc_and_no_signal),
        cmocka_unit_test(a_descriptor_that_the_program_gave_to_another_file_is_left_alone),
        cmocka_unit_test(a_private_copy_has_the_contents_and_shares_nothing),
        cmocka_unit_test(a_segment_takes_memory_only_where_it_was_asked_to),
        cmocka_unit_test(errno_is_left_alone),
#endif
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
