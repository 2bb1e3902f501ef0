/* src/error.c - error texts, the message of the last failure, and the panic hook.
 *
 * The message is thread-local, the hook is two words under a lock that only panics and weir_set_panic take.
 */
#include "panic.h"
#include "os/os.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char message[256];
static struct os_lock hook_lock;
static weir_panic_fn hook;
static void *hook_arg;

static const struct {
    int error;
    const char *text;
} texts[] = {
    { 0, "no error" },
    { EINVAL, "a value is out of its range" },
    { ENOMEM, "no memory or address space" },
    { EBUSY, "still in use" },
    { EEXIST, "the name is taken" },
    { ENOENT, "no such name" },
    { ENODEV, "no such device or node" },
    { ENOTSUP, "not supported here" },
    { ENOSPC, "no room" },
    { EAGAIN, "try again later" },
    { ETIMEDOUT, "the time is over" },
    { ECANCELED, "cancelled" },
    { ESHUTDOWN, "closed" },
    { EPIPE, "the other side is gone" },
    { ECONNRESET, "connection reset by peer" },
    { ECONNREFUSED, "connection refused" },
    { ECONNABORTED, "connection aborted" },
    { ENOTCONN, "not connected" },
    { EMFILE, "too many open descriptors in the process" },
    { ENFILE, "too many open descriptors in the system" },
    { ENOBUFS, "no buffer space in the system" },
    { EADDRINUSE, "the address is in use" },
    { EBADF, "not a descriptor" },
    { EACCES, "permission denied" },
    { EPERM, "not permitted" },
    { -WEIR_ECORRUPT, "the pool's equation does not hold" },
};

const char *weir_strerror(int error)
{
    size_t i;
    if (error == INT32_MIN)
        return "unknown error";
    if (error < 0)
        error = -error;
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].error == error)
            return texts[i].text;
    return "unknown error";
}

const char *weir_error_message(void)
{
    return message;
}

int weir_error_set_1(int error, const char *format, ...)
{
    int saved = errno;
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    errno = saved;
    return error;
}

void weir_set_panic(weir_panic_fn fn, void *arg)
{
    os_lock(&hook_lock);
    hook = fn;
    hook_arg = arg;
    os_unlock(&hook_lock);
}

void panic_hold(void)
{
    os_lock(&hook_lock);
}

void panic_let_go(void)
{
    os_unlock(&hook_lock);
}

_Noreturn void weir_panic(const char *format, ...)
{
    char text[2048];                    /* with an op's journal */
    weir_panic_fn fn;
    void *arg;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    os_lock(&hook_lock);
    fn = hook;
    arg = hook_arg;
    os_unlock(&hook_lock);
    if (fn)
        fn(text, arg);
    os_write_error("weir: ");
    os_write_error(text);
    os_write_error("\n");
    abort();
}
