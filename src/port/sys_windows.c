/* sys_windows.c - sys.h on Windows. The pointer of a thread is fibre-local: its callback is how a library that may be
 * linked statically hears of a thread's end. A deleted fibre that served a port leaves it. */
#include "sys.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <errno.h>

static SRWLOCK thread_lock = SRWLOCK_INIT;
static DWORD thread_index = FLS_OUT_OF_INDEXES;
static void (*thread_fn)(void *);
static BOOLEAN(WINAPI *thread_process_ends)(void);

void sys_lock_init(struct sys_lock *lock)
{
    InitializeSRWLock((SRWLOCK *)(void *)&lock->word);
}

void sys_lock_end(struct sys_lock *lock)
{
    (void)lock;
}

void sys_lock(struct sys_lock *lock)
{
    AcquireSRWLockExclusive((SRWLOCK *)(void *)&lock->word);
}

void sys_unlock(struct sys_lock *lock)
{
    ReleaseSRWLockExclusive((SRWLOCK *)(void *)&lock->word);
}

int64_t sys_now(void)
{
    LARGE_INTEGER now, second;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&second);
    return now.QuadPart / second.QuadPart * 1000000000 + now.QuadPart % second.QuadPart * 1000000000 / second.QuadPart;
}

unsigned sys_cores(void)
{
    DWORD_PTR mine, all;
    unsigned n = 0;
    if (GetProcessAffinityMask(GetCurrentProcess(), &mine, &all))
        for (; mine; mine &= mine - 1)
            n++;
    if (!n)                             /* threads in more than one group of processors */
        n = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    return n ? n : 1;
}

/* While the process ends, other threads have been stopped anywhere, maybe with a lock: nothing is to be done then. */
static void WINAPI thread__exit(void *value)
{
    if (value && !(thread_process_ends && thread_process_ends()))
        thread_fn(value);
}

int sys_thread_open(void (*fn)(void *))
{
    int error;
    AcquireSRWLockExclusive(&thread_lock);
    if (thread_index == FLS_OUT_OF_INDEXES) {
        HMODULE here, ntdll = GetModuleHandleA("ntdll.dll");
        FARPROC ends = ntdll ? GetProcAddress(ntdll, "RtlDllShutdownInProgress") : NULL;
        thread_process_ends = (BOOLEAN(WINAPI *)(void))(void (*)(void))ends;
        thread_fn = fn;
        thread_index = FlsAlloc(thread__exit);
        /* The callback's code must stay for as long as threads do. */
        (void)GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                                 (const char *)(uintptr_t)thread__exit, &here);
    }
    error = thread_index == FLS_OUT_OF_INDEXES ? -EAGAIN : 0;
    ReleaseSRWLockExclusive(&thread_lock);
    return error;
}

void *sys_thread_value(void)
{
    return FlsGetValue(thread_index);
}

bool sys_thread_set(void *value)
{
    return FlsSetValue(thread_index, value);
}
