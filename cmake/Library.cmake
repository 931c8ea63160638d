# The library for C programs, static and shared: src/sdk and the rooms that it stands on. All but what
# pawl.h declares stays hidden.
set(PAWL_LIBRARY_ROOMS base wire engine store runtime net sdk)
set(objects $<TARGET_OBJECTS:pawl_proto> $<TARGET_OBJECTS:llhttp>) # neither is installed by itself
foreach(room ${PAWL_LIBRARY_ROOMS})
  list(APPEND objects $<TARGET_OBJECTS:pawl_${room}>)
endforeach()
set(PAWL_LIBRARY_LINKS PkgConfig::UV PkgConfig::NGHTTP2 PkgConfig::PROTOBUF_C PkgConfig::SQLITE PkgConfig::JANSSON
                       ZLIB::ZLIB Threads::Threads)

add_library(pawl_static STATIC ${objects})
add_library(pawl_shared SHARED ${objects})
set_target_properties(pawl_static pawl_shared PROPERTIES OUTPUT_NAME pawl LINKER_LANGUAGE C)
set_target_properties(pawl_shared PROPERTIES
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
foreach(library pawl_static pawl_shared)
  target_include_directories(${library} PUBLIC ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${library} PRIVATE ${PAWL_LIBRARY_LINKS})
endforeach()
target_link_options(pawl_shared PRIVATE -Wl,--no-undefined) # else its first user finds out
