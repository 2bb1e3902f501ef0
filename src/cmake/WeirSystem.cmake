# Which systems weir is for, before a compiler is looked at: a refusal names the system and what is missing for it.
set(port "src/port/ has no backend over kqueue")
if(CMAKE_SYSTEM_NAME STREQUAL "FreeBSD")
    message(FATAL_ERROR "weir does not run on FreeBSD: src/os/ has no file for it (waiting by _umtx_op, memory, the barrier for all threads, which "
                        "FreeBSD has from 14.1 on as membarrier), and ${port}. Linux and Windows are supported")
elseif(CMAKE_SYSTEM_NAME STREQUAL "Darwin")
    message(FATAL_ERROR "weir does not run on macOS: src/os/ has no file for it (waiting on an address, memory, and macOS documents no barrier for all "
                        "threads of a process), and ${port}. Linux and Windows are supported")
elseif(NOT CMAKE_SYSTEM_NAME MATCHES "^(Linux|Windows)$")
    message(FATAL_ERROR "weir does not run on ${CMAKE_SYSTEM_NAME}: src/os/ and src/port/ have no files for it. Linux and Windows are supported")
endif()
if(CMAKE_SYSTEM_NAME STREQUAL "Windows" AND NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    message(WARNING "weir was never tried on Windows on ${CMAKE_SYSTEM_PROCESSOR}")
elseif(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|aarch64|arm64)$")
    message(WARNING "weir was never tried on ${CMAKE_SYSTEM_PROCESSOR}: x86-64 and aarch64 are tested")
endif()
