/// The pixels near a place of an image of up to three axes, and their weights: at most four on each axis. It writes to
/// memory that is handed over.
struct PixelTaps {
    /// Bytes of memory it needs.
    static let byteCount = 24 * 8

    private let places: UnsafeMutablePointer<Int>
    private let factors: UnsafeMutablePointer<Double>
    private var counts = (1, 1, 1)
    private let extents: (Int, Int, Int)

    /// Taps of images of these extents; absent axes lead with 1, and have one pixel of weight 1.
    init(_ extents: (Int, Int, Int), memory: UnsafeMutableRawPointer) {
        self.extents = extents
        places = memory.bindMemory(to: Int.self, capacity: 12)
        factors = (memory + 12 * 8).bindMemory(to: Double.self, capacity: 12)
        for axis in 0..<3 {
            places[axis * 4] = 0
            factors[axis * 4] = 1
        }
    }

    /// Forgets the taps of an axis.
    mutating func clear(_ axis: Int) { setCount(axis, 0) }

    /// Adds a pixel of an axis, which lies within the image.
    mutating func add(_ axis: Int, _ place: Int, _ factor: Double) {
        let count = axis == 0 ? counts.0 : axis == 1 ? counts.1 : counts.2
        guard count < 4, factor != 0 else { return }
        places[axis * 4 + count] = place
        factors[axis * 4 + count] = factor
        setCount(axis, count + 1)
    }

    /// The pixels on both sides of a place, weighted by how near they are; those outside the image are left out.
    mutating func setLinear<Number: BinaryFloatingPoint>(_ axis: Int, _ place: Number) {
        clear(axis)
        let extent = axis == 0 ? extents.0 : axis == 1 ? extents.1 : extents.2
        guard place > -1, place < Number(extent) else { return }
        let floor = place.rounded(.down)
        let (low, part) = (Int(floor), Double(place - floor))
        if low >= 0 { add(axis, low, 1 - part) }
        if low + 1 < extent { add(axis, low + 1, part) }
    }

    private mutating func setCount(_ axis: Int, _ count: Int) {
        switch axis {
        case 0: counts.0 = count
        case 1: counts.1 = count
        default: counts.2 = count
        }
    }

    /// Writes the pixels, row-major, and the products of their weights with `scale`; what is left of `capacity` has weight 0.
    func write<Scalar: BinaryFloatingPoint>(
        to indices: UnsafeMutablePointer<Int>, _ weights: UnsafeMutablePointer<Scalar>, capacity: Int,
        scale: Double = 1
    ) {
        var count = 0
        for depth in 0..<counts.0 {
            for height in 4..<4 + counts.1 {
                let line = (places[depth] * extents.1 + places[height]) * extents.2
                let factor = scale * factors[depth] * factors[height]
                for width in 8..<8 + counts.2 where count < capacity {
                    indices[count] = line + places[width]
                    weights[count] = Scalar(factor * factors[width])
                    count += 1
                }
            }
        }
        while count < capacity {
            indices[count] = 0
            weights[count] = 0
            count += 1
        }
    }
}
