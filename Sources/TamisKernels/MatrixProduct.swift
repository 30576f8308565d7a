public import CTamisKernels

/// Y (M × N) = f(X · W + bias + residual) in tiles; X stored K × M where `transposeX`, W stored N × K where `transposeW`.
///
///               N                 K              N
///          ┌─────────┐       ┌─────────┐     ┌───────┐
///        M │    Y    │  = f( M│    X    │ · K │   W   │ + bias )
///          └─────────┘       └─────────┘     └───────┘
///
/// With W in panels, or dense, the bits of a row do not depend on the other rows: M may be the batch. Over OpenBLAS they do,
/// so that form is for products whose M the layer fixes, and for training.
public struct MatrixProduct: Sendable {
    /// What the tiles are made of.
    public enum Form: Sendable {
        /// W packed in panels; X as it lies.
        case panels
        /// OpenBLAS on both as they lie.
        case blas
        /// W stored N × K, at any address, as it lies; X too.
        case dense
    }

    private let kernels: KernelTable
    private let form: Form
    private let transposeX: Bool
    private let transposeW: Bool
    private let m: Int
    private let n: Int
    private let k: Int
    private let activation: tamis_activation
    private let tileRows: Int
    private let tileColumns: Int

    public init(
        kernels: KernelTable, form: Form, transposeX: Bool = false, transposeW: Bool = false, m: Int, n: Int, k: Int,
        activation: tamis_activation
    ) {
        self.kernels = kernels
        self.form = form
        self.transposeX = transposeX
        self.transposeW = transposeW
        self.m = m
        self.n = n
        self.k = k
        self.activation = activation
        // Tall products are cut in rows; low ones in columns, about a million operations a tile. Panels do not care where.
        let tileOperations = 1 << 20
        switch form {
        case .panels:
            let panel = kernels.panel_columns
            if m >= 48 {
                tileRows = max(24, min(m, tileOperations / max(1, 2 * n * k) / 24 * 24))
                tileColumns = max(1, n)
            } else {
                tileRows = max(1, m)
                let columns = tileOperations / max(1, 2 * m * k) / panel * panel
                tileColumns = max(panel, min((n + panel - 1) / panel * panel, columns))
            }
        case .dense:
            // Weights that stay in the cache while the rows pass.
            tileRows = max(1, min(m, 64))
            tileColumns = max(24, (256 << 10) / max(1, k * kernels.type.byteCount) / 24 * 24)
        case .blas:
            // Each call packs its own W again: a tile needs rows enough to pay for that.
            let tiles = max(1, min(16, m / 64))
            tileRows = max(1, (m + tiles - 1) / tiles)
            tileColumns = max(1, n)
        }
    }

    private var rowTiles: Int { (m + tileRows - 1) / tileRows }
    private var columnTiles: Int { (n + tileColumns - 1) / tileColumns }
    /// Independent pieces of the work.
    public var tiles: Int { rowTiles * columnTiles }
    /// Multiplications and additions of the product.
    public var operations: Double { 2 * Double(m) * Double(n) * Double(k) }
    /// From how many bytes on weights that are stored N × K are multiplied where they lie.
    public static let denseBytes = 1 << 20

    /// Bytes of the packed W.
    public var panelBytes: Int { kernels.panelScalars(k: k, n: n) * kernels.type.byteCount }

    /// Packs W into panels.
    public func pack(_ w: UnsafeRawPointer, into panels: UnsafeMutableRawPointer) {
        kernels.pack_panels(k, n, w, transposeW ? k : n, transposeW, panels)
    }

    /// Computes the tiles `range`; `w` is W, or its panels; `residual` is as Y.
    public func run(
        _ range: Range<Int>, x: UnsafeRawPointer, w: UnsafeRawPointer, bias: UnsafeRawPointer?,
        residual: UnsafeRawPointer?, y: UnsafeMutableRawPointer
    ) {
        let size = kernels.type.byteCount
        var tile = range.lowerBound
        while tile < range.upperBound {
            let row = tile / columnTiles * tileRows
            let column = tile % columnTiles * tileColumns
            // Panels cut in columns: the tiles of a range are one product.
            let joined = form == .panels && rowTiles == 1 ? range.upperBound - tile : 1
            let rows = min(tileRows, m - row)
            let columns = min(joined * tileColumns, n - column)
            tile += joined
            let target = y + (row * n + column) * size
            let tileResidual = residual.map { $0 + (row * n + column) * size }
            let tileBias = bias.map { $0 + column * size }
            switch form {
            case .panels:
                kernels.multiply_panels(
                    rows, columns, k, x + row * k * size, k, w + column * k * size, tileBias, tileResidual, n,
                    activation, target, n)
            case .dense:
                kernels.dense(
                    rows, columns, k, x + row * k * size, k, w + column * k * size, k, tileBias, tileResidual, n,
                    activation, target, n)
            case .blas:
                BLAS.multiply(
                    kernels.type, transposeX: transposeX, transposeW: transposeW, m: rows, n: n, k: k,
                    x: x + (transposeX ? row : row * k) * size, ldx: max(1, transposeX ? m : k), w: w,
                    ldw: max(1, transposeW ? k : n), y: target, ldy: n)
                if bias != nil || residual != nil || activation.curve != TAMIS_IDENTITY {
                    kernels.epilogue(rows, n, tileBias, tileResidual, n, activation, target, n)
                }
            }
        }
    }
}
