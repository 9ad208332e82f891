# Debian packages, one for each group of components (cpack -G DEB). broker/etc/make-packages builds and checks them.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME zrelay)
set(CPACK_PACKAGE_VENDOR zrelay)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
set(CPACK_PACKAGE_CONTACT "The zrelay authors <zrelay@localhost>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_SET_DESTDIR ON) # the settings go to /etc
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)
set(CPACK_COMPONENTS_ALL "")
set(debian ${CMAKE_CURRENT_LIST_DIR})

# package(NAME SECTION SUMMARY TEXT COMPONENTS… DEPENDS… SCRIPTS…)
#   The scripts are files of this folder: what dpkg runs, and the list of settings that it keeps.
function(package name section summary text)
    cmake_parse_arguments(PARSE_ARGV 4 package "ALL" "" "COMPONENTS;DEPENDS;SCRIPTS")
    string(TOUPPER ${name} group)
    set(CPACK_COMPONENT_GROUP_${group}_DESCRIPTION "${summary}" PARENT_SCOPE)
    foreach(component ${package_COMPONENTS})
        string(TOUPPER ${component} upper)
        set(CPACK_COMPONENT_${upper}_GROUP ${name} PARENT_SCOPE)
    endforeach()
    set(CPACK_COMPONENTS_ALL ${CPACK_COMPONENTS_ALL} ${package_COMPONENTS} PARENT_SCOPE)
    set(CPACK_DEBIAN_${group}_PACKAGE_NAME ${name} PARENT_SCOPE)
    set(CPACK_DEBIAN_${group}_PACKAGE_SECTION ${section} PARENT_SCOPE)
    set(CPACK_DEBIAN_${group}_DESCRIPTION "${summary}\n${text}" PARENT_SCOPE)
    list(JOIN package_DEPENDS ", " depends)
    set(CPACK_DEBIAN_${group}_PACKAGE_DEPENDS "${depends}" PARENT_SCOPE)
    if(package_ALL)
        set(CPACK_DEBIAN_${group}_PACKAGE_ARCHITECTURE all PARENT_SCOPE)
        set(CPACK_DEBIAN_${group}_PACKAGE_SHLIBDEPS OFF PARENT_SCOPE)
        set(CPACK_DEBIAN_${group}_PACKAGE_GENERATE_SHLIBS OFF PARENT_SCOPE)
    endif()
    set(scripts "")
    foreach(script ${package_SCRIPTS})
        list(APPEND scripts ${debian}/${name}/${script})
    endforeach()
    set(CPACK_DEBIAN_${group}_PACKAGE_CONTROL_EXTRA "${scripts}" PARENT_SCOPE)

    # What every Debian package has: its licence and its changes.
    list(GET package_COMPONENTS 0 first)
    install(FILES ${debian}/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} COMPONENT ${first} EXCLUDE_FROM_ALL)
    install(FILES ${CMAKE_BINARY_DIR}/changelog.gz DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} COMPONENT ${first} EXCLUDE_FROM_ALL)
endfunction()

execute_process(COMMAND gzip -9n INPUT_FILE ${debian}/changelog OUTPUT_FILE ${CMAKE_BINARY_DIR}/changelog.gz)
set(of_relay "zrelay is a real-time message relay: ordered rooms, acknowledgements that\nmean 'on disk', visible loss, shared state, presence and worker groups.\n\n")

package(zrelayd net "message relay for programs and people" "${of_relay}This package has the broker and its service."
    COMPONENTS broker broker-service DEPENDS "init-system-helpers (>= 1.54~)" SCRIPTS conffiles postinst prerm postrm)
package(zrelay net "command line for the zrelay message relay" "${of_relay}This package has the command line, with the chat."
    COMPONENTS client)
package(zrelay-gateway net "browsers, HTTP, IRC and telnet for zrelay" "${of_relay}This package has the gateway for browsers, HTTP, IRC and plain text."
    COMPONENTS gateway gateway-service DEPENDS "init-system-helpers (>= 1.54~)" SCRIPTS conffiles postinst prerm postrm)
package(libzrelay0 libs "shared library of the zrelay message relay" "${of_relay}This package has the shared library."
    COMPONENTS library SCRIPTS triggers)
package(libzrelay-dev libdevel "client library of zrelay, for development" "${of_relay}This package has the header and the static library."
    COMPONENTS library-dev DEPENDS "libzrelay0 (= ${PROJECT_VERSION})")
package(python3-zrelay python "Python client of the zrelay message relay" "${of_relay}This package has the client for Python and asyncio."
    ALL COMPONENTS python DEPENDS "python3:any (>= 3.9)" "python3-zmq" SCRIPTS postinst prerm)

include(CPack)
