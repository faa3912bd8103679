# Read by the outside project after its project(): its sources find out whether -ffast-math reaches them.
add_compile_options(-include ${CMAKE_CURRENT_LIST_DIR}/no_fast_math.hpp)
