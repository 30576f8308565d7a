/// The rows of a tensor as parts side by side: what Concat joins and Split takes apart.
struct RowParts: Sendable {
    private let rows: Int
    /// Bytes of each part of a row, and where it begins.
    private let widths: [Int]
    private let offsets: [Int]
    private let rowBytes: Int

    /// Parts of these shapes, which differ along `axis` alone.
    init(_ shapes: [Shape], axis: Int, elementBytes: Int) {
        rows = shapes.first.map { $0.dimensions[..<axis].reduce(1, *) } ?? 0
        widths = shapes.map { $0.dimensions[axis...].reduce(elementBytes, *) }
        var end = 0
        offsets = widths.map { width in
            defer { end += width }
            return end
        }
        rowBytes = end
    }

    /// How the parts stand in the whole.
    private var joinedRows: Prepared.Joined {
        Prepared.Joined(rows: rows, rowBytes: rowBytes, parts: zip(widths, offsets).map { ($0, $1) })
    }

    /// Copies between the whole and its parts: `pointers` gives the part's place and the whole's, `isJoining` the direction.
    func prepared(
        _ algorithm: String, isJoining: Bool,
        pointers:
            @escaping @Sendable (borrowing Bindings, _ part: Int) -> (
                part: UnsafeMutableRawPointer, whole: UnsafeMutableRawPointer
            )
    ) -> Prepared {
        // A tile is one part of a run of rows.
        let run = max(1, (1 << 16) / max(1, rowBytes))
        let count = max(1, widths.count)
        return Prepared(
            algorithm, tiles: (rows + run - 1) / run * count, bytes: 2 * rows * rowBytes
        ) { bindings, tiles in
            for tile in tiles {
                let (group, part) = tile.quotientAndRemainder(dividingBy: count)
                let (width, place) = (widths[part], pointers(bindings, part))
                // A part that lies in its place already is done.
                guard width > 0, place.part != place.whole + offsets[part] else { continue }
                for row in group * run..<min(rows, (group + 1) * run) {
                    let (inPart, inWhole) = (place.part + row * width, place.whole + row * rowBytes + offsets[part])
                    if isJoining {
                        inWhole.copyMemory(from: inPart, byteCount: width)
                    } else {
                        inPart.copyMemory(from: inWhole, byteCount: width)
                    }
                }
            }
            return .done
        }
    }

    /// The parts are the inputs, output 0 is the whole.
    func joined() -> Prepared {
        var prepared = prepared("rows side by side", isJoining: true) { bindings, part in
            (UnsafeMutableRawPointer(mutating: bindings.input(part)), bindings.output(0))
        }
        prepared.joined = joinedRows
        return prepared
    }

    /// Input 0 is the whole, the parts are the outputs.
    func divided() -> Prepared {
        if rows == 1 { return .views(at: offsets) }
        return prepared("parts of rows", isJoining: false) { bindings, part in
            (bindings.output(part), UnsafeMutableRawPointer(mutating: bindings.input(0)))
        }
    }
}
