// Kernels: values that name a piece of arithmetic, say what it accesses and costs, and hold its bodies.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "runtime/data/view.hpp"

namespace tutti {

/// The type of an element, comparable and printable.
struct ElementType {
  const char* name = "void";
  std::uint32_t size_bytes = 0;
  bool operator==(const ElementType& o) const { return std::string_view(name) == o.name; }
};

template <class T>
constexpr ElementType element_type() {
  if constexpr (std::is_void_v<T>)
    return {"void", 0};
  else if constexpr (std::is_same_v<T, double>)
    return {"float64", 8};
  else if constexpr (std::is_same_v<T, float>)
    return {"float32", 4};
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return {"int64", 8};
  else if constexpr (std::is_same_v<T, std::uint64_t>)
    return {"uint64", 8};
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return {"int32", 4};
  else if constexpr (std::is_same_v<T, std::uint32_t>)
    return {"uint32", 4};
  else if constexpr (std::is_same_v<T, bool>)
    return {"bool", 1};
  else
    return {T::element_name, sizeof(T)};  // a struct of your own: static constexpr const char* element_name
}

enum class Mode : std::uint8_t { read, write, update };

struct Argument;

/// One parameter of a kernel's contract.
struct Parameter {
  Mode mode = Mode::read;
  ElementType type;
  Shape shape = Shape::own;
  int radius = 0;
  bool scalar = false;
  /// Shape::tiles only: writes element `index` of the kernel's list of Input<T>.
  void (*make_input)(void* list, std::uint32_t index, const Argument& cells, TileId tile) = nullptr;
  bool object = false;  ///< a tile object
  /// Tile objects that can be copied to a device: visits the addresses inside one.
  void (*visit_addresses)(void* object, AddressVisitor& visitor) = nullptr;
};

/// A type-erased argument: a view whose element type the contract knows. For `tiles(fn)`, `data` points to
/// `input_count` values of Input<T>; for scalars, `data` points to the value; for tile objects, to the
/// object.
struct Argument {
  void* data = nullptr;
  std::int64_t stride0 = 0;
  std::int64_t stride1 = 0;
  Box box;
  std::uint32_t input_count = 0;
  const ColumnPart* parts = nullptr;  ///< columns(A): `input_count` of them
};

/// Work per cell (or per call for scalar kernels), as the kernel's author declares it: floating-point
/// operations, and bytes that must move between memory and core if each array is streamed once.
struct Cost {
  double flops = 0;
  double bytes = 0;
};

/// Runs the kernel on the box of the arguments; `result` receives the returned value, if the kernel has one.
using Body = void (*)(const void* functor, const Task& task, const Argument* arguments, void* result);

struct Kernel;
/// Runs the kernel on all cells of a rank at once; `task` and `arguments` have the whole block.
using BlockBody = void (*)(const Kernel& kernel, const Task& task, const Argument* arguments);

/// A kernel value. Copies share the functor. `tile` runs one tile on one worker; `kokkos` runs a whole block
/// through Kokkos and may be missing. Bodies for a device are the device's: it finds them by name, parameters
/// and `functor_type` (Device::has_body), and reads the functor as its block of parameters.
struct Kernel {
  std::string name;
  std::vector<Parameter> parameters;
  ElementType result;  ///< "void" unless the functor returns a value (for reduce and compute)
  Cost cost;
  std::shared_ptr<const void> functor;
  const std::type_info* functor_type = nullptr;  ///< of what `functor` points to; null: for the host alone
  bool uses_task = false;                        ///< the functor asks for its Task
  Body tile = nullptr;
  BlockBody kokkos = nullptr;
};

/// Size of Input<T>, the same for every T.
inline constexpr std::size_t input_bytes = sizeof(Input<double>);

namespace detail {

template <class T>
struct ParameterOf {  // a plain value: a scalar
  static Parameter make() { return {Mode::read, element_type<T>(), Shape::own, 0, true}; }
  TUTTI_FUNCTION static const T& get(const Argument& a) { return *static_cast<const T*>(a.data); }
};
template <class ViewType, class T>
TUTTI_FUNCTION ViewType make_view(const Argument& a) {
  ViewType v;
  v.data = static_cast<T*>(a.data);
  v.stride0 = a.stride0;
  v.stride1 = a.stride1;
  v.box = a.box;
  return v;
}
template <class T, int Radius, Shape Reach>
struct ParameterOf<In<T, Radius, Reach>> {
  static Parameter make() { return {Mode::read, element_type<T>(), Reach, Radius, false}; }
  TUTTI_FUNCTION static In<T, Radius, Reach> get(const Argument& a) {
    return make_view<In<T, Radius, Reach>, const T>(a);
  }
};
template <class T>
struct ParameterOf<Out<T>> {
  static Parameter make() { return {Mode::write, element_type<T>(), Shape::own, 0, false}; }
  TUTTI_FUNCTION static Out<T> get(const Argument& a) { return make_view<Out<T>, T>(a); }
};
template <class T>
struct ParameterOf<InOut<T>> {
  static Parameter make() { return {Mode::update, element_type<T>(), Shape::own, 0, false}; }
  TUTTI_FUNCTION static InOut<T> get(const Argument& a) { return make_view<InOut<T>, T>(a); }
};
template <class T>
struct ParameterOf<Inputs<T>> {
  static Parameter make() { return {Mode::read, element_type<T>(), Shape::tiles, 0, false, &make_input}; }
  static void make_input(void* list, std::uint32_t index, const Argument& cells, TileId tile) {
    static_assert(sizeof(Input<T>) == input_bytes);
    Input<T> input;
    static_cast<View<const T>&>(input) = make_view<In<T>, const T>(cells);
    input.tile = tile;
    ::new (static_cast<Input<T>*>(list) + index) Input<T>(input);
  }
  TUTTI_FUNCTION static Inputs<T> get(const Argument& a) {
    return {std::span<const Input<T>>(static_cast<const Input<T>*>(a.data), a.input_count)};
  }
};

template <class T>
struct ParameterOf<Whole<T>> {
  static Parameter make() { return {Mode::read, element_type<T>(), Shape::whole, 0, false}; }
  static Whole<T> get(const Argument& a) {
    return {std::span<const T>(static_cast<const T*>(a.data), static_cast<std::size_t>(a.box.size()))};
  }
};

template <class T>
struct ParameterOf<Columns<T>> {
  static Parameter make() { return {Mode::read, element_type<T>(), Shape::columns, 0, false}; }
  TUTTI_FUNCTION static Columns<T> get(const Argument& a) {
    return {static_cast<const T*>(a.data), a.data == nullptr ? 0 : a.box.extent(2), {a.parts, a.input_count}};
  }
};
template <class T>
requires std::is_base_of_v<TileObject, T>
struct ParameterOf<T> {
  static Parameter make() {
    Parameter p{Mode::read, element_type<T>(), Shape::own, 0, false};
    p.object = true;
    if constexpr (requires(T & t, AddressVisitor & v) { t.visit_addresses(v); })
      p.visit_addresses = [](void* object, AddressVisitor& v) {
        static_cast<T*>(object)->visit_addresses(v);
      };
    return p;
  }
  TUTTI_FUNCTION static const T& get(const Argument& a) { return *static_cast<const T*>(a.data); }
};

template <class F>
struct Signature : Signature<decltype(&F::operator())> {};
template <class F, class R, class... A>
struct Signature<R (F::*)(const Task&, A...) const> {
  using Result = R;
  using Arguments = std::tuple<std::decay_t<A>...>;
  static constexpr bool takes_task = true;
};
template <class F, class R, class... A>
struct Signature<R (F::*)(A...) const> {
  using Result = R;
  using Arguments = std::tuple<std::decay_t<A>...>;
  static constexpr bool takes_task = false;
};

template <class F, std::size_t... I>
auto call(const F& f, const Task& task, const Argument* a, std::index_sequence<I...>) {
  using S = Signature<F>;
  if constexpr (S::takes_task)
    return f(task, ParameterOf<std::tuple_element_t<I, typename S::Arguments>>::get(a[I])...);
  else
    return f(ParameterOf<std::tuple_element_t<I, typename S::Arguments>>::get(a[I])...);
}

template <class F>
void run_body(const void* functor, const Task& task, const Argument* arguments, void* result) {
  using S = Signature<F>;
  constexpr auto indices = std::make_index_sequence<std::tuple_size_v<typename S::Arguments>>{};
  const F& f = *static_cast<const F*>(functor);
  if constexpr (std::is_void_v<typename S::Result>) {
    (void)result;
    call(f, task, arguments, indices);
  } else {
    *static_cast<typename S::Result*>(result) = call(f, task, arguments, indices);
  }
}

template <class... A>
std::vector<Parameter> parameters_of(std::type_identity<std::tuple<A...>>) {
  return {ParameterOf<A>::make()...};
}

}  // namespace detail

/// Makes a kernel from a functor whose operator() const is its contract, for example
///   struct Heat { double r; void operator()(In<double, 1> u, Out<double> next) const; };
/// A functor that returns a value serves `reduce` (the value of one tile, formed in a fixed order) and
/// `compute`. The functor must be safe to call from several threads at once.
template <class F>
Kernel make_kernel(std::string name, F functor, Cost cost = {}) {
  using S = detail::Signature<F>;
  Kernel k;
  k.name = std::move(name);
  k.parameters = detail::parameters_of(std::type_identity<typename S::Arguments>{});
  k.result = element_type<typename S::Result>();
  k.cost = cost;
  k.functor = std::make_shared<const F>(std::move(functor));
  k.functor_type = &typeid(F);
  k.uses_task = S::takes_task;
  k.tile = &detail::run_body<F>;
  return k;
}

}  // namespace tutti
