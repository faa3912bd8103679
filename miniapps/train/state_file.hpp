// Weights and the optimiser's state in files.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "miniapps/train/training.hpp"

/// Writes everything that training needs to go on with the same bits: arrays weights/NAME, and STATE/NAME for
/// each array of the optimiser, in the shapes of the parameters, and a description of the model; and the
/// provenance, see write_arrays. Throws Error(environment). Collective.
void save_state(tutti::Runtime& rt, Training& training, const OptimiserConfig& optimiser,
                const nlohmann::json& provenance, const std::string& path);

/// Takes up what save_state wrote, on any number of ranks. Throws Error(usage) for a file of another model or
/// optimiser, Error(environment) for one that cannot be read. Collective.
void load_state(tutti::Runtime& rt, Training& training, const OptimiserConfig& optimiser,
                const std::string& path);

/// Writes the weights as NumPy's .npz: an array for each parameter, by its name. Collective.
void export_weights(tutti::Runtime& rt, Training& training, const std::string& path);
