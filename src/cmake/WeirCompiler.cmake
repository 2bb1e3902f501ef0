# How everything here is compiled: the language, the warnings, the sanitizers.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set_property(GLOBAL PROPERTY USE_FOLDERS ON)

if(NOT CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
    message(FATAL_ERROR "weir is written for gcc and clang (on Windows: mingw-w64), not for ${CMAKE_C_COMPILER_ID}")
endif()

set(WEIR_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
set(WEIR_TEST_WARNINGS -Wall -Wextra)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")      # tests leave calls by longjmp, out of the panic hook
    list(APPEND WEIR_TEST_WARNINGS -Wno-clobbered)
endif()

if(WIN32)                       # printf as in C, not as in msvcrt.dll
    add_compile_definitions(__USE_MINGW_ANSI_STDIO=1)
endif()

if(WEIR_SANITIZE)
    add_compile_options(-fsanitize=${WEIR_SANITIZE} -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${WEIR_SANITIZE})
    if(NOT WEIR_SANITIZE MATCHES "thread")
        add_compile_options(-fno-sanitize-recover=all)
    endif()
endif()
