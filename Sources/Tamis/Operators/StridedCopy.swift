import CTamisKernels

extension Prepared {
    /// Output 0 as a view of input 0: `extents` in row-major order, each axis `strides` elements of the input apart.
    static func strided(_ extents: [Int], strides: [Int], elementBytes: Int) -> Prepared {
        let count = extents.reduce(1, *)
        // One tile is some steps of the outermost axis that has more than one.
        let outermost = extents.firstIndex { $0 != 1 } ?? extents.count
        guard outermost < extents.count, count > 0 else {
            return Prepared("copy", bytes: 2 * count * elementBytes) { bindings, _ in
                bindings.output(0).copyMemory(from: bindings.input(0), byteCount: count * elementBytes)
                return .done
            }
        }
        let (steps, stride) = (extents[outermost], strides[outermost])
        let stepBytes = count / steps * elementBytes
        let run = max(1, (1 << 16) / stepBytes)
        let tiles = (steps + run - 1) / run
        let strides = Array(strides[outermost...])
        let whole = [min(run, steps)] + extents[(outermost + 1)...]
        let rest = [steps - (tiles - 1) * run] + extents[(outermost + 1)...]
        return Prepared("strided copy", tiles: tiles, bytes: 2 * count * elementBytes) { bindings, range in
            for tile in range {
                let first = tile * run
                tamis_strided_copy(
                    strides.count, tile == tiles - 1 ? rest : whole, strides, elementBytes,
                    bindings.input(0) + first * stride * elementBytes, bindings.output(0) + first * stepBytes)
            }
            return .done
        }
    }
}
