# pawl_add_protos(<target> <files>...): a static library of the C that protoc-c makes of the files.
function(pawl_add_protos target)
  set(out ${CMAKE_BINARY_DIR}/proto)
  file(MAKE_DIRECTORY ${out})
  # What is made of a file depends on those that it imports; all of ours take 0.1 s.
  file(GLOB ours CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/proto/*.proto)
  set(generated)
  foreach(file ${ARGN})
    if(file MATCHES "^google/")
      set(source /usr/include/${file})
    else()
      set(source ${PROJECT_SOURCE_DIR}/proto/${file})
    endif()
    string(REGEX REPLACE "\\.proto$" ".pb-c" stem ${file})
    add_custom_command(
      OUTPUT ${out}/${stem}.c ${out}/${stem}.h
      COMMAND protoc --plugin=protoc-gen-pawl=${PROJECT_SOURCE_DIR}/cmake/protoc-gen-pawl
              --pawl_out=${out} -I${PROJECT_SOURCE_DIR}/proto -I/usr/include ${source}
      DEPENDS ${source} ${ours} ${PROJECT_SOURCE_DIR}/cmake/protoc-gen-pawl
      VERBATIM)
    list(APPEND generated ${out}/${stem}.c ${out}/${stem}.h)
  endforeach()
  add_library(${target} STATIC ${generated})
  target_compile_options(${target} PRIVATE -w)
  target_include_directories(${target} SYSTEM PUBLIC ${out})
  target_link_libraries(${target} PUBLIC PkgConfig::PROTOBUF_C)
endfunction()

pawl_add_protos(pawl_proto
  google/protobuf/timestamp.proto google/protobuf/wrappers.proto google/protobuf/empty.proto
  orchestration.proto attestation.proto history_events.proto orchestrator_actions.proto
  orchestrator_service.proto pawl_log.proto pawl_peer.proto pawl_query.proto dapr_common.proto dapr_runtime.proto otlp.proto)
