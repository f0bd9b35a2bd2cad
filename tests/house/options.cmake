# Ends with an error if one of CMake's words for OFF leaves in what it is written for, or a word that is none of its passes.
function(configure)
  file(REMOVE_RECURSE ${WORK})
  execute_process(COMMAND ${CMAKE_COMMAND} -G ${GENERATOR} -S ${SOURCE} -B ${WORK} -DCMAKE_CXX_COMPILER=${COMPILER} -DBUILD_TESTING=OFF ${ARGN}
                  RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
  set(failed ${failed} PARENT_SCOPE)
  set(output "${output}" PARENT_SCOPE)
endfunction()

configure(-DWEFT_CUDA=0 -DWEFT_ONEDNN=NO -DWEFT_OPENSSL=FALSE -DWEFT_PNG=off -DWEFT_ZLIB=N -DWEFT_JPEG=no -DWEFT_WEBP=false -DWEFT_STUDIO=OFF)
if(failed)
  message(FATAL_ERROR "${output}")
endif()
file(STRINGS ${WORK}/CMakeCache.txt has REGEX "^WEFT_HAS_[A-Z]+:INTERNAL=ON")
if(has)
  message(FATAL_ERROR "turned off, and still there: ${has}")
endif()

configure(-DWEFT_PNG=maybe)
if(NOT output MATCHES "WEFT_PNG is 'maybe'")
  message(FATAL_ERROR "WEFT_PNG=maybe ended with ${failed}: ${output}")
endif()
