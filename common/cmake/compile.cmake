# attention_compile_options(target): how all of this project's code is compiled.
include_guard(GLOBAL)
include(CheckCXXCompilerFlag)

set(ATTENTION_SIMD native CACHE STRING "Vector instructions to compile for")
set_property(CACHE ATTENTION_SIMD PROPERTY STRINGS native avx512 avx2 neon portable)
option(ATTENTION_WERROR "Warnings are errors" OFF)

# Sets `variable` to the compiler's flags for the instruction set that ATTENTION_SIMD asks for.
function(attention_simd_flags variable)
  get_property(names CACHE ATTENTION_SIMD PROPERTY STRINGS)
  if(NOT ATTENTION_SIMD IN_LIST names)
    list(JOIN names ", " names)
    message(FATAL_ERROR "ATTENTION_SIMD: '${ATTENTION_SIMD}' is none of ${names}")
  endif()
  set(native -march=native)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    set(native -mcpu=native)
  endif()
  check_cxx_compiler_flag(${native} ATTENTION_NATIVE_KNOWN)  # a cross compiler has no native
  if(NOT ATTENTION_NATIVE_KNOWN)
    set(native "")
  endif()
  set(flags_native ${native})
  set(flags_avx512 -march=x86-64-v4)
  set(flags_avx2 -march=x86-64-v3)
  set(flags_neon "")  # part of every aarch64
  set(flags_portable -DTILE_SIMD_PORTABLE)
  set(${variable} ${flags_${ATTENTION_SIMD}} PARENT_SCOPE)
endfunction()

# Says which instruction set the flags select, as tile/cpu/simd/simd.h itself sees it.
function(attention_print_simd)
  separate_arguments(user_flags UNIX_COMMAND "${CMAKE_CXX_FLAGS}")
  execute_process(
    COMMAND ${CMAKE_CXX_COMPILER} ${user_flags} ${ARGN} -std=c++20 -E -P
            ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../tile/cpu/simd/simd.h
    OUTPUT_VARIABLE source ERROR_QUIET)
  string(REGEX MATCH "simd_name = \"([^\"]*)\"" match "${source}")
  set(selected ${CMAKE_MATCH_1})
  string(REPLACE "-" "" plain "${selected}")
  string(TOLOWER "${plain}" plain)
  if(NOT ATTENTION_SIMD MATCHES "native|${plain}")
    message(FATAL_ERROR "ATTENTION_SIMD: '${ATTENTION_SIMD}' is not to be had on this processor")
  endif()
  message(STATUS "SIMD: ${selected} (ATTENTION_SIMD=${ATTENTION_SIMD})")
endfunction()

# attention_compile_quickly(target...): for code that is not measured, a third less time to compile.
function(attention_compile_quickly)
  foreach(target IN LISTS ARGN)
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  endforeach()
endfunction()

function(attention_compile_options target)
  attention_simd_flags(simd_flags)
  attention_print_simd(${simd_flags})
  target_compile_features(${target} PUBLIC cxx_std_20)
  # Debug keeps -O1: vector code at -O0 is a hundred times slower and no easier to follow.
  target_compile_options(${target} PUBLIC
    ${simd_flags} -ffp-contract=fast $<$<CONFIG:Debug>:-O1>
    -Wall -Wextra -Wshadow $<$<BOOL:${ATTENTION_WERROR}>:-Werror>)
  # GCC 12 sees mistakes that are not there: overlaps in std::string's operator+ (its bug 105651),
  # uninitialized vectors in its own AVX-512 intrinsics. Clang's build keeps these warnings.
  target_compile_options(${target} PUBLIC
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict;-Wno-uninitialized;-Wno-maybe-uninitialized>)
  # GCC 12 with AVX-512 makes {1, 1, 0, 0} of four 64-bit constants into {1, 1, 1, 1} where it joins
  # their stores into one vector. What is worth vectorising here is written in vectors.
  target_compile_options(${target} PUBLIC $<$<CXX_COMPILER_ID:GNU>:-fno-tree-slp-vectorize>)
  target_compile_definitions(${target} PUBLIC $<$<CONFIG:Debug>:ATTENTION_CHECKED_DEFAULT=1>)
endfunction()
