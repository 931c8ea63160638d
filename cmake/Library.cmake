# The library for C programs, static and shared: src/sdk and the rooms that it stands on. All but what
# pawl.h declares stays hidden.
set(PAWL_LIBRARY_ROOMS base wire engine store runtime net sdk)
set(objects $<TARGET_OBJECTS:pawl_proto> $<TARGET_OBJECTS:llhttp>) # neither is installed by itself
foreach(room ${PAWL_LIBRARY_ROOMS})
  list(APPEND objects $<TARGET_OBJECTS:pawl_${room}>)
endforeach()
set(PAWL_LIBRARY_LINKS PkgConfig::UV PkgConfig::NGHTTP2 PkgConfig::PROTOBUF_C PkgConfig::SQLITE PkgConfig::JANSSON
                       ZLIB::ZLIB Threads::Threads)

# The static library is one object whose other names are local, so that a program may bring an llhttp or
# messages of its own. What no function of pawl.h leads to is left out.
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/pawl.o
  COMMAND ${CMAKE_LINKER} -r --gc-sections --gc-keep-exported -o ${CMAKE_BINARY_DIR}/pawl.o ${objects} ${BOOST_CONTEXT_ARCHIVE}
  COMMAND ${CMAKE_OBJCOPY} --localize-hidden --wildcard --localize-symbol=*_fcontext ${CMAKE_BINARY_DIR}/pawl.o
  DEPENDS ${objects} COMMAND_EXPAND_LISTS VERBATIM)
add_library(pawl_static STATIC ${CMAKE_BINARY_DIR}/pawl.o)
add_library(pawl_shared SHARED ${objects})
set_target_properties(pawl_static pawl_shared PROPERTIES OUTPUT_NAME pawl LINKER_LANGUAGE C)
# Until 1.0 a minor version may change what programs were compiled against.
set_target_properties(pawl_shared PROPERTIES VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
foreach(library pawl_static pawl_shared)
  target_include_directories(${library} PUBLIC ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${library} PRIVATE ${PAWL_LIBRARY_LINKS})
endforeach()
target_link_libraries(pawl_shared PRIVATE boost_context)
target_link_options(pawl_shared PRIVATE -Wl,--exclude-libs,libboost_context.a
  -Wl,--no-undefined) # else its first user finds out
