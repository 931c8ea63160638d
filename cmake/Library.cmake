# The libraries for C programs, static and shared: src/sdk and the rooms that it stands on. All but what
# pawl.h declares stays hidden.
#
#   libpawl         with the engine and its stores
#   libpawl-client  for programs that only talk to daemons: a part of the same, and so the same ABI
set(PAWL_LIBRARY_ROOMS base wire engine store runtime net sdk)
set(PAWL_CLIENT_LINKS PkgConfig::UV PkgConfig::NGHTTP2 PkgConfig::PROTOBUF_C PkgConfig::JANSSON Threads::Threads)
set(PAWL_LIBRARY_LINKS ${PAWL_CLIENT_LINKS} PkgConfig::SQLITE PkgConfig::LZ4 ZLIB::ZLIB)

# pawl_library(<name> OBJECTS <objects> [ROOMS <rooms>] LINKS <libraries>): the targets <name>_static and
# <name>_shared. Of the objects all is taken, of the rooms what these need. The static library is one object
# whose other names are local, so that a program may bring an llhttp or messages of its own. What no
# function of pawl.h leads to is left out.
function(pawl_library name)
  cmake_parse_arguments(LIBRARY "" "" "OBJECTS;ROOMS;LINKS" ${ARGN})
  string(REPLACE _ - file ${name})
  set(archives)
  foreach(room ${LIBRARY_ROOMS})
    list(APPEND archives $<TARGET_FILE:${room}>)
  endforeach()
  set(object ${CMAKE_BINARY_DIR}/${file}.o)
  add_custom_command(OUTPUT ${object}
    COMMAND ${CMAKE_LINKER} -r --gc-sections --gc-keep-exported -o ${object} ${LIBRARY_OBJECTS}
            --start-group ${archives} ${BOOST_CONTEXT_ARCHIVE} --end-group
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden --wildcard --localize-symbol=*_fcontext ${object}
    DEPENDS ${LIBRARY_OBJECTS} ${archives} COMMAND_EXPAND_LISTS VERBATIM)
  add_library(${name}_static STATIC ${object})
  add_library(${name}_shared SHARED ${LIBRARY_OBJECTS})
  # Until 1.0 a minor version may change what programs were compiled against.
  set_target_properties(${name}_static ${name}_shared PROPERTIES OUTPUT_NAME ${file} LINKER_LANGUAGE C)
  set_target_properties(${name}_shared PROPERTIES VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_link_libraries(${name}_shared PRIVATE ${archives} boost_context)
  target_link_options(${name}_shared PRIVATE -Wl,--exclude-libs,libboost_context.a -Wl,--as-needed
    -Wl,--no-undefined) # else its first user finds out
  foreach(library ${name}_static ${name}_shared)
    target_include_directories(${library} PUBLIC ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(${library} PRIVATE ${LIBRARY_LINKS})
  endforeach()
endfunction()

set(objects $<TARGET_OBJECTS:pawl_proto> $<TARGET_OBJECTS:llhttp>) # neither is installed by itself
foreach(room ${PAWL_LIBRARY_ROOMS})
  list(APPEND objects $<TARGET_OBJECTS:pawl_${room}>)
endforeach()
pawl_library(pawl OBJECTS ${objects} LINKS ${PAWL_LIBRARY_LINKS})

# The SDK with something in the place of the engine, which so is not reached.
pawl_room(sdk_without_engine IN sdk/without_engine USES runtime)
pawl_library(pawl_client
  OBJECTS $<FILTER:$<TARGET_OBJECTS:pawl_sdk>,EXCLUDE,/embedded\\.c> $<TARGET_OBJECTS:pawl_sdk_without_engine>
  ROOMS pawl_runtime pawl_engine pawl_store pawl_net pawl_wire pawl_proto pawl_base llhttp
  LINKS ${PAWL_CLIENT_LINKS})
