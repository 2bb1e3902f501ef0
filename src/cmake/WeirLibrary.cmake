# How a library is made from its list of sources.

# weir_library_target(<target> STATIC|SHARED <name> <sources ...>): what all kinds of a library have in common.
function(weir_library_target target kind name)
    add_library(${target} ${kind} ${ARGN})
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME ${name} VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
        C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
    target_compile_options(${target} PRIVATE ${WEIR_WARNINGS})
    target_include_directories(${target}
        PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>"
        PRIVATE "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:weir-ck>)
    if(WIN32)
        if(kind STREQUAL SHARED)
            target_compile_definitions(${target} PRIVATE "WEIR_API=__declspec(dllexport)")
        endif()
    else()
        target_link_libraries(${target} PRIVATE Threads::Threads)
        target_compile_options(${target} PRIVATE -fno-semantic-interposition)
        target_compile_definitions(${target} PRIVATE "WEIR_API=__attribute__((visibility(\"default\")))")
    endif()
endfunction()

# weir_library(<name> MAP <version script> EXPORT <name> SOURCES ... [LIBS <library> ...]): targets <name>-static and <name>-shared,
# aliases weir::<export> (as BUILD_SHARED_LIBS says), weir::<export>-static and weir::<export>-shared.
# LIBS: the system's libraries that it needs.
function(weir_library name)
    cmake_parse_arguments(arg "" "MAP;EXPORT" "SOURCES;LIBS" ${ARGN})
    foreach(kind STATIC SHARED)
        string(TOLOWER "${name}-${kind}" target)
        string(TOLOWER "${arg_EXPORT}-${kind}" export)
        weir_library_target(${target} ${kind} ${name} ${arg_SOURCES})
        add_library(weir::${export} ALIAS ${target})
        set_target_properties(${target} PROPERTIES EXPORT_NAME ${export})
        target_link_libraries(${target} PRIVATE ${arg_LIBS})
        if(WEIR_POINTS)
            target_compile_definitions(${target} PUBLIC $<BUILD_INTERFACE:WEIR_POINTS=1>)
        endif()
    endforeach()

    if(WIN32)
        target_link_options(${name}-shared PRIVATE -static-libgcc -Wl,--no-undefined)
        set_target_properties(${name}-shared PROPERTIES RUNTIME_OUTPUT_NAME ${name}-${PROJECT_VERSION_MAJOR})
    else()
        target_link_options(${name}-shared PRIVATE -Wl,-z,nodelete "-Wl,--version-script=${arg_MAP}")
        set_target_properties(${name}-shared PROPERTIES LINK_DEPENDS "${arg_MAP}")
        if(NOT WEIR_SANITIZE)           # a sanitizer's run time comes with the program
            target_link_options(${name}-shared PRIVATE -Wl,--no-undefined)
        endif()
    endif()
    if(BUILD_SHARED_LIBS)
        add_library(weir::${arg_EXPORT} ALIAS ${name}-shared)
    else()
        add_library(weir::${arg_EXPORT} ALIAS ${name}-static)
    endif()
endfunction()

# weir_library_with_points(<name> SOURCES ... [LIBS ...]): the static library <name> with labelled points, for tests and stress
# programs that park or yield a thread between any two steps. Built only if one of them needs it.
function(weir_library_with_points name)
    cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
    weir_library_target(${name} STATIC ${name} ${arg_SOURCES})
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    target_compile_definitions(${name} PUBLIC WEIR_POINTS=1)
    target_link_libraries(${name} PRIVATE ${arg_LIBS})
endfunction()
