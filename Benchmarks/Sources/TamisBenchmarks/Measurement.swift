import Tamis

/// The time of one call, over many.
struct Measurement: Codable {
    /// Medians are what tables show; the tenth percentile and the minimum say how quiet the machine was.
    var median: Double
    var tenth: Double
    var minimum: Double
    var iterations: Int

    /// Times `bodies` in turn, call by call, until `seconds` are over for each: what disturbs one disturbs all.
    static func interleaved(seconds: Double, _ bodies: [() throws -> Void]) throws -> [Measurement] {
        let clock = ContinuousClock()
        var times = [[Double]](repeating: [], count: bodies.count)
        for body in bodies { try body() }
        let end = clock.now + .seconds(seconds * Double(bodies.count))
        while clock.now < end || times[0].count < 5 {
            for (index, body) in bodies.enumerated() {
                let start = clock.now
                try body()
                let elapsed = clock.now - start
                times[index].append(Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18)
            }
        }
        return times.map { times in
            let sorted = times.sorted()
            return Measurement(
                median: sorted[sorted.count / 2], tenth: sorted[sorted.count / 10], minimum: sorted[0],
                iterations: sorted.count)
        }
    }
}

extension Philox {
    /// Values from −0.5 to 0.5.
    mutating func tensor(_ shape: [Int]) throws -> Tensor {
        try Tensor((0..<shape.reduce(1, *)).map { _ in Float(nextUniform() - 0.5) }, shape: shape)
    }
}
