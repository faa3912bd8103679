// A convolutional net after LeNet-5 (LeCun et al., Proceedings of the IEEE 86, 1998), with ReLU and greatest
// values in place of its sigmoids and averages: two convolutions of 5 x 5, each followed by pooling, and
// three dense layers.
#include <cmath>

#include "miniapps/train/model.hpp"
#include "runtime/error.hpp"

template <class T>
void Model<T>::build_cnn() {
  const ModelConfig& c = config_;
  if (c.height < 12 || c.width_px < 12)
    tutti::usage_error("--model cnn needs images of 12 x 12 at least, not {} x {}", c.height, c.width_px);
  const nn::ConvolutionShape first{samples_, c.channels, c.height, c.width_px, 6, 5, 2, 1};
  const nn::PoolShape first_pool{samples_ * 6, first.out_height(), first.out_width(), 2, 2};
  const nn::ConvolutionShape second{samples_, 6, first_pool.out_height(), first_pool.out_width(), 16, 5,
                                    0,        1};
  const nn::PoolShape second_pool{samples_ * 16, second.out_height(), second.out_width(), 2, 2};
  const std::vector<std::int64_t> widths{16 * second_pool.out_height() * second_pool.out_width(), 120, 84,
                                         c.classes};

  std::vector<std::uint32_t> units;
  const auto add_convolution = [&](const std::string& name, const nn::ConvolutionShape& s) {
    return list_.add({{name + ".weight",
                       {s.filters, s.channels, s.kernel, s.kernel},
                       std::sqrt(2.0 / static_cast<double>(s.taps())),
                       0,
                       true},
                      {name + ".bias", {s.filters}}});
  };
  const std::uint32_t unit1 = add_convolution("convolution0", first);
  const std::uint32_t unit2 = add_convolution("convolution1", second);
  for (std::size_t i = 0; i + 1 < widths.size(); ++i)
    units.push_back(
        add_linear(fmt::format("dense{}", i), widths[i], widths[i + 1],
                   (i + 2 == widths.size() ? 0.1 : 1) * std::sqrt(2.0 / static_cast<double>(widths[i]))));

  const auto outputs = [&](const nn::ConvolutionShape& s) {
    return s.images * s.filters * s.out_height() * s.out_width();
  };
  const auto pooled = [&](const nn::PoolShape& s) { return s.planes * s.out_height() * s.out_width(); };
  const auto y1 = make(outputs(first), "c0"), dy1 = make(outputs(first), "dc0");
  const auto p1 = make(pooled(first_pool), "p0"), dp1 = make(pooled(first_pool), "dp0");
  const auto y2 = make(outputs(second), "c1"), dy2 = make(outputs(second), "dc1");
  const auto p2 = make(pooled(second_pool), "p1"), dp2 = make(pooled(second_pool), "dp1");
  layers_.push_back(make_convolution<T>(first, {unit1}, *input_, y1, dy1, std::nullopt));
  layers_.push_back(make_max_pool<T>(first_pool, y1, p1, dp1, dy1));
  layers_.push_back(make_convolution<T>(second, {unit2}, p1, y2, dy2, dp1));
  layers_.push_back(make_max_pool<T>(second_pool, y2, p2, dp2, dy2));
  add_dense(p2, dp2, widths, units);
}

template void Model<float>::build_cnn();
template void Model<double>::build_cnn();
