public import CTamisKernels

/// The scalar types the float kernels compute with.
public enum ScalarType: Sendable, Hashable {
    case float, double

    /// The bytes of one scalar.
    public var byteCount: Int { self == .float ? 4 : 8 }
}

/// How much of the processor the kernels use.
public enum KernelLevel: String, Sendable, Hashable, CaseIterable, Comparable {
    /// What every processor of the architecture has.
    case portable
    /// AVX2 and FMA.
    case avx2
    /// AVX-512 F, VL, BW and DQ.
    case avx512

    private var level: tamis_level {
        switch self {
        case .portable: TAMIS_PORTABLE
        case .avx2: TAMIS_AVX2
        case .avx512: TAMIS_AVX512
        }
    }

    /// The highest level this machine runs.
    public static let best: KernelLevel =
        allCases.last { $0.level.rawValue <= tamis_best_level().rawValue } ?? .portable

    /// The levels this machine runs, lowest first.
    public static var available: [KernelLevel] { allCases.filter { $0 <= best } }

    public static func < (left: KernelLevel, right: KernelLevel) -> Bool { left.level.rawValue < right.level.rawValue }

    /// The kernels for a scalar type at this level, or at the best level of this machine where it lacks this one.
    public func kernels(for type: ScalarType) -> KernelTable {
        let level = min(self, .best).level
        guard let table = tamis_kernels_at(level, type.byteCount) else {
            preconditionFailure("every level up to the best has kernels for float and double")
        }
        return KernelTable(type: type, table: table)
    }
}

/// The C kernels for one scalar type at one level: a value handed to whoever computes, so that tests can force a level.
@dynamicMemberLookup
public struct KernelTable: @unchecked Sendable {
    /// The scalar type the kernels compute with.
    public let type: ScalarType
    private let table: UnsafePointer<tamis_kernels>

    fileprivate init(type: ScalarType, table: UnsafePointer<tamis_kernels>) {
        self.type = type
        self.table = table
    }

    /// A kernel, by its name in `CTamisKernels.h`.
    public subscript<Member>(dynamicMember member: KeyPath<tamis_kernels, Member>) -> Member {
        table.pointee[keyPath: member]
    }

    /// All kernels.
    public var functions: tamis_kernels { _read { yield table.pointee } }
}

extension tamis_activation {
    /// x
    public static var identity: tamis_activation { tamis_activation(curve: TAMIS_IDENTITY, alpha: 0, beta: 0) }
}
