// Collections for training: Sharded, what each shard of a batch has for itself (activations, gradients), and
// Replicated, what every rank reads all of (parameters).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "runtime/data/collection.hpp"
#include "runtime/data/shards.hpp"

namespace tutti {

/// An array of `elements` values of type T for each shard. A handle: copies name the same data. Operations
/// over the shards get their own array (`read(x)` and so on), others read whole ones through tiles(fn).
template <class T>
class Sharded {
 public:
  /// All elements start as `fill`.
  Sharded(const Shards& shards, std::int64_t elements, const std::string& label, T fill = {})
      : space_(std::make_shared<const ShardLayout>(shards.count(), elements, shards.context().ranks),
               shards.context()),
        name_(std::make_shared<Name>(Name{
            label, element_type<T>(), std::make_shared<Store>(space_, element_type<T>(), &fill, label)})) {}
  const std::shared_ptr<Name>& name() const { return name_; }
  std::int64_t elements() const { return static_cast<const ShardLayout&>(space_.layout()).elements(); }
  /// The array of one of this rank's shards. Between runs only.
  std::span<T> shard(TileId shard) const {
    return {static_cast<T*>(name_->store->tile(shard).data), static_cast<std::size_t>(elements())};
  }

 private:
  Space space_;
  std::shared_ptr<Name> name_;
};

/// Elements that every rank has in one piece, cut into segments: tiles of rows that may be dealt in any way.
/// The owner of a segment alone changes it, in operations over `segments()` with update(w) or write(w).
/// Others see the new values where they read all of it, read(w, whole()), which may be over any space: the
/// segments that changed since travel there by themselves, each as soon as it is done. A handle.
template <class T>
class Replicated {
 public:
  /// All elements start as `fill`, on all ranks.
  Replicated(const Rows& segments, const std::string& label, T fill = {})
      : segments_(segments),
        name_(std::make_shared<Name>(
            Name{label, element_type<T>(),
                 std::make_shared<Store>(segments, element_type<T>(), &fill, label, Extent::whole)})) {}
  const Rows& segments() const { return segments_; }
  const std::shared_ptr<Name>& name() const { return name_; }

  /// This rank's copy. Between runs only; segments of other ranks are as of the last time that they were
  /// read. What writes it must write the same on all ranks and then touch().
  std::span<T> all() const {
    const Argument a = name_->store->block();
    return {static_cast<T*>(a.data), static_cast<std::size_t>(a.box.size())};
  }
  /// Tells graphs that the data was changed by other means than a recorded operation. On all ranks alike.
  void touch() { ++name_->store->version; }

 private:
  Rows segments_;
  std::shared_ptr<Name> name_;
};

template <class T>
Access read(const Sharded<T>& x, Pattern p = {}) {
  return {x.name(), Mode::read, std::move(p)};
}
template <class T>
Access write(const Sharded<T>& x) {
  return {x.name(), Mode::write, {}};
}
template <class T>
Access update(const Sharded<T>& x) {
  return {x.name(), Mode::update, {}};
}
template <class T>
Access read(const Replicated<T>& w, Pattern p = {}) {
  return {w.name(), Mode::read, std::move(p)};
}
template <class T>
Access write(const Replicated<T>& w) {
  return {w.name(), Mode::write, {}};
}
template <class T>
Access update(const Replicated<T>& w) {
  return {w.name(), Mode::update, {}};
}

}  // namespace tutti
