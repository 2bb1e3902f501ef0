# What `cmake --install` puts where: headers, the libraries, pkg-config files and a CMake package. All of it finds the prefix from
# its own place, so the installed tree can be moved.
include(CMakePackageConfigHelpers)

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/weir" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

if(WEIR_DEBUG_LAYER)                    # (gdb) source .../share/weir/gdb/weir-gdb.py
    install(FILES "${PROJECT_SOURCE_DIR}/debug/gdb/weir-gdb.py" "${PROJECT_SOURCE_DIR}/debug/gdb/weir_decode.py"
            "${PROJECT_SOURCE_DIR}/debug/gdb/weir_segment.py" DESTINATION "${CMAKE_INSTALL_DATADIR}/weir/gdb")
endif()

install(TARGETS weir-static weir-shared weir-port-static weir-port-shared EXPORT weirTargets
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")

# -- the CMake package: find_package(weir), targets weir::weir and weir::port -------------------------------------------------
set(package "${CMAKE_INSTALL_LIBDIR}/cmake/weir")
install(EXPORT weirTargets NAMESPACE weir:: DESTINATION "${package}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/src/cmake/weirConfig.cmake.in" "${PROJECT_BINARY_DIR}/weirConfig.cmake"
                              INSTALL_DESTINATION "${package}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/weirConfigVersion.cmake" COMPATIBILITY SameMajorVersion)
install(FILES "${PROJECT_BINARY_DIR}/weirConfig.cmake" "${PROJECT_BINARY_DIR}/weirConfigVersion.cmake" DESTINATION "${package}")

# -- pkg-config: weir and weir-port -------------------------------------------------------------------------------------------
set(pc "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
set(WEIR_PC_INCLUDEDIR "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
set(WEIR_PC_LIBDIR "${CMAKE_INSTALL_FULL_LIBDIR}")
set(WEIR_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" AND NOT IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    file(RELATIVE_PATH up "/prefix/${pc}" "/prefix")
    string(REGEX REPLACE "/$" "" up "${up}")
    set(WEIR_PC_PREFIX "\${pcfiledir}/${up}")
    set(WEIR_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
    set(WEIR_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(WIN32)
    set(WEIR_PC_LIBS_PRIVATE "-lsynchronization")
    set(WEIR_PORT_PC_LIBS_PRIVATE "-lws2_32")
else()
    set(WEIR_PC_LIBS_PRIVATE "-pthread")
    set(WEIR_PORT_PC_LIBS_PRIVATE "-pthread")
endif()
foreach(name weir weir-port)
    configure_file("${PROJECT_SOURCE_DIR}/src/cmake/${name}.pc.in" "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION "${pc}")
endforeach()
