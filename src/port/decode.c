/* decode.c - what Windows reports, in this library's words: its error codes as errno, and the results of
 * GetQueuedCompletionStatus as a completion. On every system: the numbers are Windows' own and need none of its
 * headers.
 *
 * The table is in two ranges that don't overlap, so one search serves both: the system's own codes (winerror.h) and
 * Winsock's, from 10,000 on. A code that isn't in it is -EIO: an error for sure, and no more is known.
 */
#include "backend.h"

#include <errno.h>

enum { WINDOWS_HANDLE_EOF = 38, WINDOWS_WAIT_TIMEOUT = 258, WINDOWS_ABANDONED_WAIT_0 = 735 };

static const struct {
    uint16_t windows;
    int16_t error;
} decode_errors[] = {
    { 2, ENOENT },              /* ERROR_FILE_NOT_FOUND */
    { 4, EMFILE },              /* ERROR_TOO_MANY_OPEN_FILES */
    { 5, EACCES },              /* ERROR_ACCESS_DENIED */
    { 6, EBADF },               /* ERROR_INVALID_HANDLE */
    { 8, ENOMEM },              /* ERROR_NOT_ENOUGH_MEMORY */
    { 14, ENOMEM },             /* ERROR_OUTOFMEMORY */
    { 50, ENOTSUP },            /* ERROR_NOT_SUPPORTED */
    { 59, ENETUNREACH },        /* ERROR_UNEXP_NET_ERR */
    { 64, ECONNRESET },         /* ERROR_NETNAME_DELETED: what a reset is called when an operation was pending */
    { 87, EINVAL },             /* ERROR_INVALID_PARAMETER */
    { 109, EPIPE },             /* ERROR_BROKEN_PIPE */
    { 121, ETIMEDOUT },         /* ERROR_SEM_TIMEOUT */
    { 122, ENOBUFS },           /* ERROR_INSUFFICIENT_BUFFER */
    { 232, EPIPE },             /* ERROR_NO_DATA */
    { 233, EPIPE },             /* ERROR_PIPE_NOT_CONNECTED */
    { 234, EMSGSIZE },          /* ERROR_MORE_DATA */
    { 258, ETIMEDOUT },         /* WAIT_TIMEOUT */
    { 735, ESHUTDOWN },         /* ERROR_ABANDONED_WAIT_0: the port was closed */
    { 995, ECANCELED },         /* ERROR_OPERATION_ABORTED */
    { 996, EAGAIN },            /* ERROR_IO_INCOMPLETE */
    { 998, EFAULT },            /* ERROR_NOACCESS */
    { 1168, ENOENT },           /* ERROR_NOT_FOUND: nothing to cancel */
    { 1225, ECONNREFUSED },     /* ERROR_CONNECTION_REFUSED */
    { 1226, ECONNRESET },       /* ERROR_GRACEFUL_DISCONNECT */
    { 1227, EADDRINUSE },       /* ERROR_ADDRESS_ALREADY_ASSOCIATED */
    { 1231, ENETUNREACH },      /* ERROR_NETWORK_UNREACHABLE */
    { 1232, EHOSTUNREACH },     /* ERROR_HOST_UNREACHABLE */
    { 1234, ECONNREFUSED },     /* ERROR_PORT_UNREACHABLE */
    { 1235, ECONNABORTED },     /* ERROR_REQUEST_ABORTED */
    { 1236, ECONNABORTED },     /* ERROR_CONNECTION_ABORTED */
    { 1450, ENOBUFS },          /* ERROR_NO_SYSTEM_RESOURCES */
    { 1453, ENOBUFS },          /* ERROR_WORKING_SET_QUOTA: no more pages may be locked */
    { 1455, ENOMEM },           /* ERROR_COMMITMENT_LIMIT */
    { 1816, ENOBUFS },          /* ERROR_NOT_ENOUGH_QUOTA: the same, per process */
    { 10004, EINTR },           /* WSAEINTR */
    { 10009, EBADF },           /* WSAEBADF */
    { 10013, EACCES },          /* WSAEACCES */
    { 10014, EFAULT },          /* WSAEFAULT */
    { 10022, EINVAL },          /* WSAEINVAL */
    { 10024, EMFILE },          /* WSAEMFILE */
    { 10035, EAGAIN },          /* WSAEWOULDBLOCK */
    { 10036, EINPROGRESS },     /* WSAEINPROGRESS */
    { 10037, EALREADY },        /* WSAEALREADY */
    { 10038, ENOTSOCK },        /* WSAENOTSOCK */
    { 10039, EDESTADDRREQ },    /* WSAEDESTADDRREQ */
    { 10040, EMSGSIZE },        /* WSAEMSGSIZE */
    { 10041, EPROTOTYPE },      /* WSAEPROTOTYPE */
    { 10042, ENOPROTOOPT },     /* WSAENOPROTOOPT */
    { 10043, EPROTONOSUPPORT }, /* WSAEPROTONOSUPPORT */
    { 10045, EOPNOTSUPP },      /* WSAEOPNOTSUPP */
    { 10047, EAFNOSUPPORT },    /* WSAEAFNOSUPPORT */
    { 10048, EADDRINUSE },      /* WSAEADDRINUSE */
    { 10049, EADDRNOTAVAIL },   /* WSAEADDRNOTAVAIL */
    { 10050, ENETDOWN },        /* WSAENETDOWN */
    { 10051, ENETUNREACH },     /* WSAENETUNREACH */
    { 10052, ENETRESET },       /* WSAENETRESET */
    { 10053, ECONNABORTED },    /* WSAECONNABORTED */
    { 10054, ECONNRESET },      /* WSAECONNRESET */
    { 10055, ENOBUFS },         /* WSAENOBUFS */
    { 10056, EISCONN },         /* WSAEISCONN */
    { 10057, ENOTCONN },        /* WSAENOTCONN */
    { 10058, EPIPE },           /* WSAESHUTDOWN: this end was shut down for sending */
    { 10060, ETIMEDOUT },       /* WSAETIMEDOUT */
    { 10061, ECONNREFUSED },    /* WSAECONNREFUSED */
    { 10064, EHOSTUNREACH },    /* WSAEHOSTDOWN */
    { 10065, EHOSTUNREACH },    /* WSAEHOSTUNREACH */
    { 10101, EPIPE },           /* WSAEDISCON */
};

int error_from_windows(uint32_t error)
{
    for (size_t i = 0; i < sizeof decode_errors / sizeof decode_errors[0]; i++)
        if (decode_errors[i].windows == error)
            return -decode_errors[i].error;
    return -EIO;
}

int weir_completion_decode(struct weir_completion *out, int ok, uint32_t error, uint32_t bytes, uintptr_t key, void *overlapped)
{
    struct weir_completion c = { .op = overlapped, .key = key, .bytes = bytes };
    if (!out)
        return error_set(-EINVAL, "weir_completion_decode: out is NULL");
    if (!ok && !overlapped)
        return error == WINDOWS_WAIT_TIMEOUT ? 0 : error == WINDOWS_ABANDONED_WAIT_0 ? -ESHUTDOWN : error_from_windows(error);
    c.op = weir_op_from_overlapped(overlapped);
    if (!overlapped) {
        c.status = WEIR_POSTED;
    } else if (ok) {
        c.status = bytes ? WEIR_COMPLETED : WEIR_END;
    } else if (error == WINDOWS_HANDLE_EOF) {
        c.status = WEIR_END;
    } else {
        c.status = WEIR_FAILED;
        c.error = error_from_windows(error);
    }
    *out = c;
    return 1;
}
