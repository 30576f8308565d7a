public import TamisKernels

/// What an operator has made of itself for fixed shapes: an algorithm, the memory it needs, and the work in tiles.
public struct Prepared: Sendable {
    /// Work that may start when all work before it is done; its tiles run in any order, on any thread.
    ///
    /// Tiles follow from the layer and the image alone, never from threads; so do the bits of what they compute.
    public struct Stage: Sendable {
        /// The number of independent pieces.
        public var tiles: Int
        /// About how many nanoseconds one thread takes for all of them; short stages are not worth other threads.
        public var nanoseconds: Double
        /// The float operations of all of them, where the operator counts them.
        public var operations: Double
        /// Computes a range of tiles; allocates nothing.
        public var run: @Sendable (borrowing Bindings, Range<Int>) -> KernelStatus

        /// A stage of `tiles` pieces that makes so many float operations and moves so many bytes; an operation takes
        /// `slowness` times as long as one of a matrix product.
        public init(
            tiles: Int = 1, operations: Double = 0, slowness: Double = 1, bytes: Int = 0,
            run: @escaping @Sendable (borrowing Bindings, Range<Int>) -> KernelStatus
        ) {
            self.tiles = tiles
            self.operations = operations
            // About what one core of today does in a nanosecond: 50 float operations, 10 bytes.
            self.nanoseconds = max(operations * slowness / 50, Double(bytes) / 10)
            self.run = run
        }
    }

    /// An output that may take the memory of an input which nobody reads later.
    public struct InPlace: Sendable {
        /// The position of the output.
        public var output: Int
        /// The position of the input.
        public var input: Int

        public init(output: Int, input: Int) {
            self.output = output
            self.input = input
        }
    }

    /// Rows of output 0 that are rows of the inputs side by side.
    public struct Joined: Sendable {
        /// The number of rows.
        public var rows: Int
        /// Bytes of a row of the output.
        public var rowBytes: Int
        /// Bytes of a row of each input, and where it begins in that of the output.
        public var parts: [(bytes: Int, offset: Int)]

        public init(rows: Int, rowBytes: Int, parts: [(bytes: Int, offset: Int)]) {
            self.rows = rows
            self.rowBytes = rowBytes
            self.parts = parts
        }
    }

    /// What was chosen, in words for a profile.
    public var algorithm: String
    /// The work, in order.
    public var stages: [Stage]
    /// Bytes of memory that all tiles of all stages share.
    public var workspaceBytes = 0
    /// Bytes of memory for each thread.
    public var scratchBytes = 0
    /// What may be computed in place.
    public var inPlace: [InPlace] = []
    /// Where each output begins in the memory of input 0, in bytes, if the outputs are parts of it; then there is no work.
    public var views: [Int]?
    /// How the inputs stand in output 0, if it is nothing but them: an input that was made there needs no copy.
    public var joined: Joined?
    /// The elements of a row of output 0, if its rows may be written apart from each other: `Bindings.rowStride`.
    public var rowElements: Int?
    /// The positions of inputs whose memory a run does not read: their packed form is there, or their shape alone counts.
    public var unreadInputs: [Int] = []

    /// An algorithm of these stages.
    public init(
        _ algorithm: String, stages: [Stage], workspaceBytes: Int = 0, scratchBytes: Int = 0, inPlace: [InPlace] = []
    ) {
        self.algorithm = algorithm
        self.stages = stages
        self.workspaceBytes = workspaceBytes
        self.scratchBytes = scratchBytes
        self.inPlace = inPlace
    }

    /// An algorithm of one stage.
    public init(
        _ algorithm: String, tiles: Int = 1, operations: Double = 0, slowness: Double = 1, bytes: Int = 0,
        scratchBytes: Int = 0, inPlace: [InPlace] = [],
        run: @escaping @Sendable (borrowing Bindings, Range<Int>) -> KernelStatus
    ) {
        self.init(
            algorithm,
            stages: [Stage(tiles: tiles, operations: operations, slowness: slowness, bytes: bytes, run: run)],
            scratchBytes: scratchBytes, inPlace: inPlace)
    }

    /// The float operations of all stages.
    public var operations: Double { stages.reduce(0) { $0 + $1.operations } }

    /// Input 0 under another shape.
    public static var view: Prepared { .views(at: [0]) }

    /// Parts of input 0 that begin at these bytes.
    public static func views(at offsets: [Int]) -> Prepared {
        var prepared = Prepared("view", stages: [])
        prepared.views = offsets
        return prepared
    }

    /// Work on `count` elements in runs of a fixed length: `body` gets the first element and the number of elements.
    public static func elementwise(
        _ algorithm: String, count: Int, bytesPerElement: Int, slowness: Double = 1, inPlace: [InPlace] = [],
        body: @escaping @Sendable (borrowing Bindings, _ first: Int, _ count: Int) -> Void
    ) -> Prepared {
        Prepared(
            algorithm,
            stages: [
                .elements(
                    count, bytesPerElement: bytesPerElement, slowness: slowness, body: body)
            ], inPlace: inPlace)
    }
}

extension Prepared.Stage {
    /// Work on `count` elements in runs of a fixed length: `body` gets the first element and the number of elements.
    public static func elements(
        _ count: Int, bytesPerElement: Int, slowness: Double = 1,
        body: @escaping @Sendable (borrowing Bindings, _ first: Int, _ count: Int) -> Void
    ) -> Prepared.Stage {
        let run = 1 << 14
        return Prepared.Stage(
            tiles: (count + run - 1) / run, operations: Double(count), slowness: slowness,
            bytes: count * bytesPerElement
        ) { bindings, tiles in
            let first = tiles.lowerBound * run
            body(bindings, first, min(tiles.upperBound * run, count) - first)
            return .done
        }
    }
}

/// The memory of a node's inputs and outputs during one run: pointers that live no longer than the run.
public struct Bindings {
    /// The session's table of buffers, and which of them this node reads and writes; −1 stands for an absent operand.
    let table: UnsafePointer<UnsafeMutableRawPointer?>
    let slots: UnsafePointer<Int32>
    let inputCount: Int
    /// Memory that all tiles of this node share.
    public let workspace: UnsafeMutableRawPointer
    /// Memory of the thread that runs.
    public let scratch: UnsafeMutableRawPointer
    /// Elements from each row of output 0 to the next, where they are parts of longer rows.
    var stride = 0

    /// The elements of an input that is always given.
    public func input(_ index: Int) -> UnsafeRawPointer {
        UnsafeRawPointer(table[Int(slots[index])].unsafelyUnwrapped)
    }

    /// The elements of an optional input, or nil where it is not given.
    public func optionalInput(_ index: Int) -> UnsafeRawPointer? {
        index < inputCount && slots[index] >= 0 ? input(index) : nil
    }

    /// Elements from each row of output 0, of so many elements, to the next.
    public func rowStride(of elements: Int) -> Int { stride == 0 ? elements : stride }

    /// The elements of an output, to be written; there is memory for it even if nobody reads it.
    public func output(_ index: Int) -> UnsafeMutableRawPointer {
        table[Int(slots[inputCount + index])].unsafelyUnwrapped
    }
}
