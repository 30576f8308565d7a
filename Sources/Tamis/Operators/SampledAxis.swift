/// One axis of a resized tensor: for each place of the output, the places of the input it is a weighted sum of.
struct SampledAxis: Sendable {
    /// The axis of the tensor.
    let axis: Int
    /// Its extents before and after.
    let input: Int
    let output: Int
    /// Entries of each place of the output; those of weight 0 stand behind the others.
    let taps: Int
    let indices: [Int]
    let weights: [Double]
    /// The weights rounded.
    let floats: [Float]
    /// Places of the output that lie outside the input, and take another value.
    let outside: [Int]

    /// `places[j]` are the entries of place j of the output, in the order they are added.
    init(axis: Int, input: Int, places: [[(index: Int, weight: Double)]], outside: [Int] = []) {
        self.axis = axis
        self.input = input
        self.outside = outside
        output = places.count
        taps = max(1, places.map(\.count).max() ?? 1)
        var indices = [Int](repeating: 0, count: output * taps)
        var weights = [Double](repeating: 0, count: output * taps)
        for (place, entries) in places.enumerated() {
            for (tap, entry) in entries.enumerated() {
                indices[place * taps + tap] = entry.index
                weights[place * taps + tap] = entry.weight
            }
        }
        self.indices = indices
        self.weights = weights
        floats = weights.map(Float.init)
    }

    /// Whether nothing changes along the axis.
    var isIdentity: Bool {
        input == output && taps == 1 && outside.isEmpty && indices.elementsEqual(0..<output)
            && weights.allSatisfy { $0 == 1 }
    }

    /// The transpose: what each place of the input gives to those of the output.
    var transposed: SampledAxis {
        var places = [[(index: Int, weight: Double)]](repeating: [], count: input)
        let outside = Set(outside)
        for place in 0..<output where !outside.contains(place) {
            for tap in 0..<taps where weights[place * taps + tap] != 0 {
                places[indices[place * taps + tap]].append((place, weights[place * taps + tap]))
            }
        }
        return SampledAxis(axis: axis, input: output, places: places)
    }
}
