# What the root and every stage include: common/, and attention_stage() to declare a stage.
include_guard(GLOBAL)

# Before anything is compiled, so that the fetched dependencies are optimised as well.
get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT CMAKE_BUILD_TYPE AND NOT multi_config)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, or Debug for checked mode" FORCE)
endif()
set(CMAKE_CXX_EXTENSIONS OFF)

set(ATTENTION_SOLUTION_DIR "" CACHE PATH
  "Folder whose <stage>/attention.h takes the place of the stage's own, where there is one")
option(LADDER_EXERCISE "<stage>/exercise/attention.h takes that place, where there is one" OFF)

include(GoogleTest)
enable_testing()
add_subdirectory(${CMAKE_CURRENT_LIST_DIR}/.. ${CMAKE_BINARY_DIR}/common)

# attention_kernel(NAME NAMESPACE FOLDER HEADER): a kernel as objects, which register it in a program.
function(attention_kernel name namespace folder header)
  add_library(${name} OBJECT ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/stage.cpp)
  target_include_directories(${name} BEFORE PRIVATE ${folder})
  target_compile_definitions(${name} PRIVATE STAGE=${namespace} STAGE_HEADER="${header}")
  target_link_libraries(${name} PUBLIC stages)
  target_compile_options(${name} PRIVATE  # not the same error once for each head dimension
    $<IF:$<CXX_COMPILER_ID:GNU>,-fmax-errors=1,-ferror-limit=1>)
endfunction()

# backward_kernel(NAME STAGE FOLDER): the backward.h there as objects, which register another pass of
# the stage.
function(backward_kernel name stage folder)
  add_library(${name} OBJECT ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/backward.cpp)
  target_include_directories(${name} BEFORE PRIVATE ${folder})
  target_compile_definitions(${name} PRIVATE STAGE=stage_${stage} STAGE_NAME="${stage}")
  target_link_libraries(${name} PUBLIC stages)
  target_compile_options(${name} PRIVATE
    $<IF:$<CXX_COMPILER_ID:GNU>,-fmax-errors=1,-ferror-limit=1>)
endfunction()

# backward_tests(KERNEL STAGE [QUICK_KERNEL]): as attention_tests, after the stage's forward pass.
function(backward_tests kernel stage)
  add_executable(${kernel}_quick $<TARGET_OBJECTS:quick_backward>)
  list(APPEND ARGN ${kernel})
  list(GET ARGN 0 quick_kernel)
  target_link_libraries(${kernel}_quick PRIVATE ${stage} ${quick_kernel} suite)
  add_executable(${kernel}_test)
  target_link_libraries(${kernel}_test PRIVATE
    ${stage} ${kernel} backward_conformance GTest::gtest_main)
endfunction()

# attention_backward(STAGE FOLDER): its backward.h there, <stage>_backward_quick and
# <stage>_backward_test, and those of its exercise.
function(attention_backward stage folder)
  backward_kernel(${stage}_backward ${stage} ${folder})
  ladder_gains(${stage}_backward)
  backward_tests(${stage}_backward ${stage})
  set(exercise ${stage}_backward_exercise)
  set(exercise_dir ${CMAKE_CURRENT_SOURCE_DIR}/exercise)
  backward_kernel(${exercise}_draft ${stage} ${exercise_dir})
  target_compile_definitions(${exercise}_draft PRIVATE ATTENTION_QUICK)
  target_compile_options(${exercise}_draft PRIVATE $<$<CONFIG:Release>:-Og>)
  backward_kernel(${exercise} ${stage} ${exercise_dir})
  attention_compile_quickly(${exercise})
  backward_tests(${exercise} ${stage} ${exercise}_draft)
  set_target_properties(${exercise} ${exercise}_draft ${exercise}_quick ${exercise}_test
    PROPERTIES EXCLUDE_FROM_ALL ON)
  add_test(NAME ${stage}.backward_quick COMMAND ${stage}_backward_quick)
  set_tests_properties(${stage}.backward_quick PROPERTIES LABELS ${stage}.quick)
  gtest_discover_tests(${stage}_backward_test
    TEST_PREFIX ${stage}. NO_PRETTY_VALUES DISCOVERY_MODE PRE_TEST PROPERTIES LABELS ${stage}.slow)
endfunction()

# ladder_gains(KERNEL): it is linked into the programs that have all stages.
function(ladder_gains kernel)
  get_property(programs GLOBAL PROPERTY ATTENTION_PROGRAMS)
  foreach(program IN LISTS programs)
    target_link_libraries(${program} PRIVATE ${kernel})
  endforeach()
endfunction()

# attention_steps(STAGE): the kernels in steps/, <stage>_step_1 for steps/1_NAME.h, those of the
# backward pass in steps/backward/, <stage>_backward_step_1, and the test of them all.
function(attention_steps stage)
  file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}
    steps/*.h steps/backward/*.h)
  set(steps ${headers})
  list(TRANSFORM steps REPLACE "steps/([0-9]+)_.*" "${stage}_step_\\1")
  list(TRANSFORM steps REPLACE "steps/backward/([0-9]+)_.*" "${stage}_backward_step_\\1")
  foreach(step header IN ZIP_LISTS steps headers)
    attention_kernel(${step} stage_${step} ${CMAKE_CURRENT_SOURCE_DIR} ${header})
    ladder_gains(${step})
    target_compile_definitions(${step} PRIVATE ATTENTION_STEP)
  endforeach()
  if(steps)
    add_executable(${stage}_steps $<TARGET_OBJECTS:steps>)
    target_link_libraries(${stage}_steps PRIVATE ${steps} suite)
    if(steps MATCHES "_backward_")  # these run after the stage's forward pass
      target_link_libraries(${stage}_steps PRIVATE ${stage})
    endif()
    add_test(NAME ${stage}.steps COMMAND ${stage}_steps)
    set_tests_properties(${stage}.steps PROPERTIES LABELS ${stage}.slow)
  endif()
endfunction()

# attention_tests(KERNEL FOLDER [QUICK_KERNEL]): its <kernel>_quick, of another copy if there is
# one, and <kernel>_test.
function(attention_tests kernel folder)
  add_executable(${kernel}_quick $<TARGET_OBJECTS:quick>)
  list(APPEND ARGN ${kernel})
  list(GET ARGN 0 quick_kernel)
  target_link_libraries(${kernel}_quick PRIVATE ${quick_kernel} suite)

  add_executable(${kernel}_test ${CMAKE_CURRENT_SOURCE_DIR}/attention_test.cpp)
  target_include_directories(${kernel}_test BEFORE PRIVATE ${folder})
  target_link_libraries(${kernel}_test PRIVATE ${kernel} conformance GTest::gtest_main)
  attention_compile_quickly(${kernel}_test)
endfunction()

# attention_published(STAGE FOLDER TABLE SUFFIX TILES): a copy of its kernel with the tiles of a
# table of attention/published_tiles.h.
function(attention_published stage folder table suffix tiles)
  set(other ${stage}_published${suffix})
  attention_kernel(${other} stage_${other} ${folder} attention.h)
  target_compile_definitions(${other} PRIVATE stage_${stage}=stage_${other}
    ATTENTION_PUBLISHED_TILES=${table} ATTENTION_TILES_OF=Tiles::${tiles})
  attention_compile_quickly(${other})
  ladder_gains(${other})
endfunction()

# attention_stage([PUBLISHED_TILES TABLE [CAUSAL_TILES TABLE]])
#
# Declares the stage that lives in the calling folder and is named after it; a TABLE is one of
# attention/published_tiles.h, and asks for another copy of the kernel with these, and for one for
# causal problems:
#   <stage>            its kernel as objects; linking them registers the stage in a program
#   <stage>_quick      fifty problems of the conformance suite, label <stage>.quick
#   <stage>_test       the whole suite and the stage's own attention_test.cpp, label <stage>.slow
#   <stage>_backward_quick, <stage>_backward_test
#                      the same of the backward pass, where it has one
#   <stage>_steps      the kernels in its folders steps/ and steps/backward/, where it has them, label
#                      <stage>.slow
#   attention_ladder   gains the stage, its steps and those copies
#   <stage>_exercise_quick, <stage>_exercise_test
#                      the same of exercise/attention.h; built only if asked for, and
#                      <stage>_backward_exercise_quick, ..._test of exercise/backward.h
function(attention_stage)
  cmake_parse_arguments(arg "" "PUBLISHED_TILES;CAUSAL_TILES" "" ${ARGN})
  get_filename_component(stage ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(header_dir ${CMAKE_CURRENT_SOURCE_DIR})
  if(ATTENTION_SOLUTION_DIR AND EXISTS ${ATTENTION_SOLUTION_DIR}/${stage}/attention.h)
    set(header_dir ${ATTENTION_SOLUTION_DIR}/${stage})
    message(STATUS "${stage}: attention.h is taken from ${header_dir}")
  elseif(LADDER_EXERCISE AND EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/exercise/attention.h)
    set(header_dir ${CMAKE_CURRENT_SOURCE_DIR}/exercise)
    message(STATUS "${stage}: attention.h is taken from its exercise")
  endif()

  attention_kernel(${stage} stage_${stage} ${header_dir} attention.h)
  ladder_gains(${stage})
  attention_steps(${stage})
  if(EXISTS ${header_dir}/backward.h)
    attention_backward(${stage} ${header_dir})
  endif()
  if(arg_PUBLISHED_TILES)
    attention_published(${stage} ${header_dir} ${arg_PUBLISHED_TILES} "" published)
  endif()
  if(arg_CAUSAL_TILES)
    attention_published(${stage} ${header_dir} ${arg_CAUSAL_TILES} _causal published_causal)
  endif()

  attention_tests(${stage} ${header_dir})
  add_test(NAME ${stage}.quick COMMAND ${stage}_quick)
  set_tests_properties(${stage}.quick PROPERTIES LABELS ${stage}.quick)

  # A learner waits for the first; neither needs speed.
  set(exercise_dir ${CMAKE_CURRENT_SOURCE_DIR}/exercise)
  attention_kernel(${stage}_exercise_draft stage_${stage} ${exercise_dir} attention.h)
  target_compile_definitions(${stage}_exercise_draft PRIVATE ATTENTION_QUICK)
  target_compile_options(${stage}_exercise_draft PRIVATE $<$<CONFIG:Release>:-Og>)
  attention_kernel(${stage}_exercise stage_${stage} ${exercise_dir} attention.h)
  attention_compile_quickly(${stage}_exercise)
  attention_tests(${stage}_exercise ${exercise_dir} ${stage}_exercise_draft)
  set_target_properties(${stage}_exercise ${stage}_exercise_draft ${stage}_exercise_quick
    ${stage}_exercise_test PROPERTIES EXCLUDE_FROM_ALL ON)

  gtest_discover_tests(${stage}_test TEST_PREFIX ${stage}. NO_PRETTY_VALUES DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS ${stage}.slow)
endfunction()
